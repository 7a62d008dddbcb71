//! `kedge` as a person sees it: in tmux, with keys sent and the screen read back, against a
//! daemon on one host with the anchor's addresses on its loopback; and from another host, over
//! TLS.
//!
//! Each test has a tmux server, a home and a history of its own.

#[path = "../../../crates/config/tests/broken/mod.rs"]
mod broken;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kedge_api::{Ask, Client};
use kedge_lab::wait::SOON;
use kedge_lab::{Daemon, Host, Lab, programs, wait};

/// One test at a time: a screen must not change because two cores are busy.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

const ANCHOR: &str = "\
ipv6 mobile pmipv6-domain example.net
 nai @example.net
  network home
  service dual
 !
!
ipv6 mobile pmipv6-lma lma1 domain example.net
 address ipv4 192.0.2.1
 address ipv6 2001:db8:7::1
 dynamic mag learning
 network home
  pool mobile-node ipv4 start-address 203.0.113.0 pool-prefix 24
  pool mobile-node ipv6 start-address 2001:db8:100:: pool-prefix 56
 !
!
";

const GATEWAY: &str = "\
ipv6 mobile pmipv6-mag mag1 domain dn1
 address ipv6 2001:db8:7::1
 lma lma1 dn1
  ipv6-address 2001:db8:7::9
 !
!
";

#[test]
fn a_person_changes_the_configuration() {
    let _turn = turn();
    let site = Site::set();
    let screen = Screen::open(&site, (90, 50), "");
    screen.wait_end("kedge#");
    screen.line("configure");
    screen.wait_end("kedge(config)#");
    screen.line("ipv6 mobile pmipv6-lma lma1 domain example.net");
    screen.wait_end("kedge(config-pmipv6-lma)#");

    // `?` shows what may follow, and the line is still there.
    screen.keys(&["-l", "bce "]);
    screen.keys(&["-l", "?"]);
    screen.wait("lifetime          Longest lifetime granted");
    screen.wait_end("kedge(config-pmipv6-lma)# bce");

    // Tab completes a word; a mistake has a caret under it.
    screen.keys(&["-l", "lif"]);
    screen.keys(&["Tab"]);
    screen.wait_end("# bce lifetime");
    screen.line("5");
    let shown = screen.wait_behind("allowed here:", "kedge(config-pmipv6-lma)#");
    let lines: Vec<&str> = shown.lines().collect();
    let caret = lines.iter().position(|line| line.trim() == "^").expect("a caret");
    assert_eq!(lines[caret].find('^'), lines[caret - 1].find('5'), "{shown}");
    assert!(shown.contains("% not a value for SECONDS"), "{shown}");
    assert!(!shown.contains("line:1"), "{shown}");

    // Ctrl-C discards what is typed.
    screen.keys(&["-l", "no bce lifetime 100"]);
    screen.wait_end("# no bce lifetime 100");
    screen.keys(&["C-c"]);
    screen.wait_end("kedge(config-pmipv6-lma)#");
    screen.line("bce lifetime 100");
    screen.line("show configuration");
    screen.wait_behind("+ bce lifetime 100", "kedge(config-pmipv6-lma)#");

    // Ctrl-Z asks about what is not committed.
    screen.keys(&["C-z"]);
    screen.wait("there are changes that are not committed; commit them (yes/no/cancel)?");
    screen.line("cancel");
    screen.wait_end("kedge(config-pmipv6-lma)#");
    screen.line("commit comment longer");
    screen.wait_behind("commit 2", "kedge(config-pmipv6-lma)#");
    screen.keys(&["C-z"]);
    screen.wait_end("kedge#");
    assert!(site.kedge("show running-config").contains("bce lifetime 100"));

    // Ctrl-Z behind a command carries it out first.
    screen.line("configure");
    screen.line("ipv6 mobile pmipv6-lma lma1 domain example.net");
    screen.wait_end("kedge(config-pmipv6-lma)#");
    screen.keys(&["-l", "bce lifetime 200"]);
    screen.keys(&["C-z"]);
    screen.wait_end("[cancel]:");
    screen.wait("kedge(config-pmipv6-lma)# bce lifetime 200^Z");
    screen.line("yes");
    screen.wait_end("kedge#");
    assert!(site.kedge("show running-config").contains("bce lifetime 200"));
    screen.line("exit");
    screen.wait("left with 0");
}

#[test]
fn an_example_of_the_vendors_is_pasted_with_its_prompts() {
    let _turn = turn();
    let site = Site::set();
    let text = "RP/0/RSP0/CPU0:router# configure\r
/* The lifetime of a binding:
   is this long enough? */
RP/0/RSP0/CPU0:router(config)# ipv6 mobile pmipv6-lma lma1 domain example.net\r
!
RP/0/RSP0/CPU0:router(config-pmipv6-lma)# bce lifetime 300
\tbce\tmaximum 2500
RP/0/RSP0/CPU0:router(config-pmipv6-lma)# commit
RP/0/RSP0/CPU0:router(config-pmipv6-lma)# end
show ver";
    // As a terminal pastes that brackets what is pasted, and as one that does not. The latter
    // cannot tell a `?` from the key.
    for (bracketed, text) in
        [(true, text.to_owned()), (false, text.replace(['?', '\r'], "").replace("300", "400"))]
    {
        let screen = Screen::open(&site, (100, 60), "");
        screen.wait_end("kedge#");
        screen.paste(&text, bracketed);
        // The last line has no end: it waits to be edited.
        screen.wait_end("kedge# show ver");
        screen.keys(&["Enter"]);
        let shown = screen.wait_behind("Restart counter", "kedge#");
        assert!(!shown.contains('%'), "{shown}");
        let lifetime = if bracketed { "bce lifetime 300" } else { "bce lifetime 400" };
        let running = site.kedge("show running-config");
        assert!(running.contains(lifetime) && running.contains("bce maximum 2500"), "{running}");
    }
}

/// A command takes its time, and a person does not wait for it.
#[test]
fn what_is_typed_while_a_command_runs_is_run_after_it() {
    let _turn = turn();
    let site = Site::set();
    let screen = Screen::open(&site, (90, 60), "PAGER='sleep 2; cat'");
    screen.wait_end("kedge#");
    screen.line("show version");
    for line in ["configure", "ipv6 mobile pmipv6-lma lma1 domain example.net", "bce lifetime 100"]
    {
        screen.line(line);
    }
    screen.line("commit comment typed ahead");
    screen.wait("commit 2");
    let shown = screen.wait_end("kedge(config-pmipv6-lma)#");
    assert_eq!(shown.matches("bce lifetime 100").count(), 1, "behind its prompt alone: {shown}");
    assert!(site.kedge("show configuration commit list").contains("typed ahead"));
    screen.keys(&["C-z"]);
    screen.wait_end("kedge#");
    screen.line("exit");
    screen.wait("left with 0");
}

#[test]
fn a_mistake_behind_commit_is_not_silent() {
    let _turn = turn();
    let site = Site::set();
    for wrong in ["commit foo", "commit confirmed x", "commit comment"] {
        let ran = site.run(&["-c", "configure", "-c", "vrf blue", "-c", wrong]);
        assert_eq!(ran.status.code(), Some(1), "{wrong}");
        assert!(text(&ran.stderr).contains("^"), "{wrong}: {}", text(&ran.stderr));
    }
}

#[test]
fn a_word_that_is_short_for_several_commands_does_none_of_them() {
    let _turn = turn();
    let site = Site::set();
    for (commands, allowed) in [
        (&["c"][..], ["clear", "configure"]),
        (&["configure", "vrf blue", "exit", "a"], ["aaa", "abort"]),
    ] {
        let words: Vec<&str> = commands.iter().flat_map(|command| ["-c", *command]).collect();
        let ran = site.run(&words);
        let (said, last) = (text(&ran.stderr), commands[commands.len() - 1]);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("'{last}' is ambiguous")), "{said}");
        assert!(allowed.iter().all(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn a_line_beyond_any_command_is_refused() {
    let _turn = turn();
    let site = Site::set();
    let ran = site.run(&["-c", &format!("show {}", "x".repeat(16 * 1024))]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(text(&ran.stderr).contains("a line has 16384 octets at most"), "{}", text(&ran.stderr));
}

#[test]
fn what_is_outside_of_the_configuration_is_asked_for_behind_do_and_begins_no_other_session() {
    let _turn = turn();
    let site = Site::set();
    let file = site.dir().join("saved.conf");
    let save = format!("do save {}", file.display());
    let within =
        ["do show configuration commit list | count", "do terminal length 0", "do wr", &save];
    let mut words = vec!["-c", "configure", "-c", "vrf blue"];
    words.extend(within.iter().flat_map(|command| ["-c", *command]));
    words.extend(["-c", "commit"]);
    let ran = site.run(&words);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let said = text(&ran.stdout);
    for words in ["2\n", "every commit is kept already", "lines in ", "commit 2\n"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let saved = fs::read_to_string(file).expect("what ran before the commit");
    assert!(saved.contains("pmipv6-lma") && !saved.contains("vrf blue"), "{saved}");
    for refused in ["do configure", "do exit", "do end"] {
        let ran = site.run(&["-c", "configure", "-c", "vrf red", "-c", refused]);
        assert_eq!(ran.status.code(), Some(1), "{refused}: {}", text(&ran.stdout));
    }
}

#[test]
fn a_slip_in_a_command_about_sessions_is_noticed_where_other_commands_may_stand() {
    let _turn = turn();
    let site = Site::set();
    for (commands, meant) in [
        (&["confgure"][..], "configure"),
        (&["shwo version"], "show"),
        (&["configure", "comit"], "commit"),
        (&["configure", "vrf blue", "rolback configuration to 1"], "rollback"),
    ] {
        let words: Vec<&str> = commands.iter().flat_map(|command| ["-c", *command]).collect();
        let ran = site.run(&words);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("did you mean '{meant}'?")), "{commands:?}: {said}");
    }
    // Neither table is passed over.
    let said = text(&site.run(&["-c", "frobnicate"]).stderr);
    let here = said.split("commands here: ").nth(1).expect("commands");
    for word in ["configure", "rollback", "show", "monitor"] {
        assert!(here.contains(word), "{said}");
    }
}

/// Every example of both documents, word for word: nothing is complained about but what the
/// documents print broken, and that precisely; with the word that is missing, nothing at all.
#[test]
fn every_example_of_the_documents_can_be_pasted() {
    let _turn = turn();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/config/tests/examples");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("examples").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert_eq!(files.len(), 35);
    // There is one anchor and one gateway: what runs is the other one.
    let (anchors, gateways): (Vec<PathBuf>, Vec<PathBuf>) = files
        .into_iter()
        .partition(|file| fs::read_to_string(file).expect("an example").contains("pmipv6-lma "));
    pasted(GATEWAY, &anchors);
    pasted(ANCHOR, &gateways);
}

fn pasted(running: &str, files: &[PathBuf]) {
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(file).expect("an example");
        let broken = broken::BROKEN.iter().find(|(broken, ..)| *broken == name);
        let Some((_, places, corrections)) = broken else {
            assert_eq!(complaints_of_paste(running, &text), [""; 0], "{name}");
            continue;
        };
        let wrong: Vec<&str> = places
            .iter()
            .map(|place| place.splitn(3, ':').nth(2).expect("a message").trim_start())
            .collect();
        assert_eq!(complaints_of_paste(running, &text), wrong, "{name}");
        let right = corrections.iter().fold(text, |text, (was, is)| text.replacen(was, is, 1));
        assert_eq!(complaints_of_paste(running, &right), [""; 0], "{name}, corrected");
    }
}

/// What is complained about when a text is pasted into the terminal of a daemon of its own. That the
/// host has not the addresses that it commits is no complaint about it.
fn complaints_of_paste(running: &str, text: &str) -> Vec<String> {
    let site = Site::with(running);
    let screen = Screen::open(&site, (160, 400), "");
    screen.wait_end("kedge#");
    // Some are printed from within the configuration.
    if !text
        .lines()
        .any(|line| line.trim_end().ends_with("configure") || line.contains("# configur"))
    {
        screen.line("configure");
        screen.wait_end("kedge(config)#");
    }
    screen.paste(&format!("{}\npasted whole", text.trim_end()), true);
    let shown = screen.wait_end("pasted whole");
    let complaints = shown.lines().filter_map(|line| line.strip_prefix("% "));
    let about_text = complaints.filter(|line| !line.contains("nothing is committed"));
    about_text.map(str::to_owned).collect()
}

#[test]
fn a_daemon_that_is_killed_takes_the_session_with_it_and_says_so() {
    let _turn = turn();
    let mut site = Site::set();
    let screen = Screen::open(&site, (90, 40), "");
    screen.wait_end("kedge#");
    screen.line("configure");
    screen.wait_end("kedge(config)#");
    site.daemon.kill().expect("killed");
    site.daemon.restart().expect("restarted");
    // The line was meant for the session: it is not run in another one.
    screen.line("vrf blue");
    screen.wait("what was not committed is lost");
    screen.wait_end("kedge#");
    screen.line("show version");
    screen.wait("Restart counter  2");
    // Outside of the configuration nobody notices.
    site.daemon.stop().expect("stopped");
    screen.line("show version");
    screen.wait("is kedged running?");
    site.daemon.restart().expect("restarted");
    screen.line("show version");
    screen.wait("Restart counter  3");
}

#[test]
fn the_33rd_terminal_is_told_why_it_cannot_be_served() {
    let _turn = turn();
    let site = Site::set();
    // Who was here while the daemon was started may not have left yet.
    let place = || {
        let mut client =
            Client::connect(site.daemon.socket()).map_err(|error| error.to_string())?;
        let answer = client.request(Ask::Complete { line: String::new() });
        answer.map_err(|error| error.to_string())?.map_err(|refusal| refusal.message)?;
        Ok(client)
    };
    let others: Vec<Client> =
        (0..32).map(|_| wait::until(SOON, "a place", place).expect("a place")).collect();
    let screen = Screen::open(&site, (100, 20), "");
    screen.wait("32 management clients are connected already");
    screen.wait("left with 2");
    drop(others);
    wait::until(SOON, "a place", || {
        let ran = site.run(&["-c", "show version"]);
        if ran.status.success() { Ok(()) } else { Err(text(&ran.stderr)) }
    })
    .expect("a place");
    let screen = Screen::open(&site, (100, 20), "");
    screen.wait_end("kedge#");
}

#[test]
fn help_and_complaints_fit_forty_columns() {
    let _turn = turn();
    let site = Site::set();
    let screen = Screen::open(&site, (40, 50), "");
    screen.wait_end("kedge#");
    screen.line("configure");
    screen.wait_end("kedge(config)#");
    screen.keys(&["-l", "?"]);
    let shown = screen.wait_behind("management-api", "kedge(config)#");
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("Management from other hosts, over TCP with TLS and tokens"), "{shown}");
    assert!(shown.lines().any(|line| line == "                  hosts, over TCP with"), "{shown}");
    screen.line("bogus");
    let shown = screen.wait_behind("commands here:", "kedge(config)#");
    assert!(shown.contains("% unknown command 'bogus'"), "{shown}");
    // Words are whole: the daemon's longest line is folded between them.
    let folded = shown.split("commands here:").nth(1).expect("commands").replace('\n', " ");
    for word in ["management-api,", "radius-server,"] {
        assert!(folded.contains(word), "{shown}");
    }
}

#[test]
fn the_history_lasts_and_has_no_secrets_in_it() {
    let _turn = turn();
    let site = Site::set();
    {
        let screen = Screen::open(&site, (100, 30), "");
        screen.wait_end("kedge#");
        screen.line("show version");
        screen.wait("Restart counter");
        screen.wait_end("kedge#");
        // What is typed before the prompt is there is on the screen twice.
        screen.line("configure");
        screen.wait_end("kedge(config)#");
        screen.line("ipv6 mobile pmipv6-domain example.net");
        screen.wait_end("kedge(config-pmipv6-domain)#");
        screen.line("auth-option spi 100 key ascii sesame");
        screen.wait_end("kedge(config-pmipv6-domain)#");
        screen.line("show configuration");
        let shown = screen.wait_behind("+ auth-option spi 100 key", "kedge(config-pmipv6-domain)#");
        assert_eq!(shown.matches("sesame").count(), 1, "only where it was typed: {shown}");
        screen.line("abort");
        screen.wait_end("kedge#");
        screen.line("exit");
        screen.wait("left with 0");
    }
    let file = site.home().join(".local/state/kedge/history");
    let kept = fs::read_to_string(&file).expect("a history");
    assert!(kept.contains("show version\n") && !kept.contains("sesame"), "{kept}");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let screen = Screen::open(&site, (100, 30), "");
    screen.wait_end("kedge#");
    screen.keys(&["C-r"]);
    screen.keys(&["-l", "show ver"]);
    screen.wait("show version");
}

#[test]
fn colours_are_left_out_when_they_are_not_wanted() {
    let _turn = turn();
    let site = Site::set();
    for (environment, coloured) in [("", true), ("NO_COLOR=1", false), ("TERM=dumb", false)] {
        let screen = Screen::open(&site, (80, 20), environment);
        screen.wait_end("kedge#");
        let painted = screen.tmux(&["capture-pane", "-p", "-e", "-t", "0"]);
        assert_eq!(painted.contains("\u{1b}["), coloured, "{environment}: {painted:?}");
    }
}

#[test]
fn what_comes_and_goes_has_colours_on_a_terminal_and_none_in_a_pipe() {
    let _turn = turn();
    let site = Site::set();
    for (environment, coloured) in [("", true), ("NO_COLOR=1", false)] {
        let screen = Screen::open(&site, (80, 20), environment);
        screen.wait_end("kedge#");
        screen.line("configure");
        screen.line("ipv6 mobile pmipv6-lma lma1 domain example.net");
        screen.line("bce lifetime 100");
        screen.line("show configuration");
        screen.wait("+ bce lifetime 100");
        let painted = screen.tmux(&["capture-pane", "-p", "-e", "-t", "0"]);
        let line = painted.lines().find(|line| line.contains("+ bce lifetime 100"));
        let green = line.expect("the change").contains("\u{1b}[32m+");
        assert_eq!(green, coloured, "{environment}: {painted:?}");
    }
    let words = ["ipv6 mobile pmipv6-lma lma1 domain example.net", "bce lifetime 100"];
    let commands = [&["configure"][..], &words, &["show configuration"]].concat();
    let piped = site.run(&commands.iter().flat_map(|line| ["-c", line]).collect::<Vec<_>>());
    let shown = text(&piped.stdout);
    assert!(shown.contains("+ bce lifetime 100\n") && !shown.contains('\u{1b}'), "{shown:?}");
}

/// Both are as wide as the terminal: commits are folded where it is narrow, counters stand in more
/// columns where it is wide.
#[test]
fn commits_and_counters_are_laid_out_for_the_terminal() {
    let _turn = turn();
    let site = Site::set();
    let comment = "a comment that is longer than what is left of a narrow line";
    let how = format!("commit comment {comment}");
    let ran = site.run(&["-c", "configure", "-c", "vrf blue", "-c", &how]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    for width in [60, 100, 130, 170] {
        let screen = Screen::open(&site, (width, 90), "PAGER=cat");
        screen.wait_end("kedge#");
        screen.line("show configuration commit list");
        let shown = screen.wait_end("at start\nkedge#");
        let whole = shown.lines().any(|line| line.contains(comment));
        assert_eq!(whole, width > 60, "{shown}");
        let below = |words: &str| shown.contains(&format!("\n      {words}\n"));
        let (begin, end) =
            comment.split_at("a comment that is longer than what is left of a narrow".len());
        assert_eq!(below(begin) && below(end.trim()), width == 60, "{shown}");
        screen.tmux(&["send-keys", "-t", "0", "-R"]);
        screen.line("show lma-service statistics | section ^Binding Updates Received");
        let shown = screen.wait_behind("Discarded:", "kedge#");
        let most = shown.lines().map(|line| line.matches(": ").count()).max();
        assert_eq!(most, Some(usize::from(width) / 40), "{width}: {shown}");
    }
}

#[test]
fn pages_are_turned_on_a_terminal_unless_they_are_not_wanted() {
    let _turn = turn();
    let site = Site::set();
    let screen = Screen::open(&site, (80, 8), "");
    screen.wait_end("kedge#");
    screen.line("show running-config");
    // Ctrl-C is for the pager and does not end the terminal.
    screen.wait_end("--More--");
    screen.keys(&["C-c"]);
    // It forgets what is typed while it is interrupted: ask until it answers.
    wait::until(SOON, "the pager to be there", || {
        screen.keys(&["-l", "="]);
        let shown = screen.read();
        if shown.contains("lines 1-") { Ok(()) } else { Err(shown) }
    })
    .expect("the pager");
    screen.keys(&["q"]);
    screen.wait_end("kedge#");
    // Help that is longer than the screen has pages, too.
    screen.keys(&["-l", "?"]);
    screen.wait_end("--More--");
    screen.keys(&["q"]);
    screen.wait_end("kedge#");
    // Its end is on the screen with the prompt below; a pager would stop before.
    screen.line("show running-config | no-more");
    screen.wait_end("!\n!\nkedge#");
    let shown = screen.read();
    assert!(!shown.contains("no-more"), "the line has gone beyond the top: {shown}");
}

#[test]
fn another_host_manages_the_daemon_over_tls_with_a_token() {
    let _turn = turn();
    let site = Site::set();
    let file = |name: &str| site.dir().join(name).to_string_lossy().into_owned();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=kedge", "-days", "2", "-addext", "subjectAltName=IP:192.0.2.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &file("key.pem"), "-out", &file("certificate.pem")])
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let token = "9f0c5d1e8b7a64321f0e9d8c7b6a5948";
    // `printf %s TOKEN | sha256sum`
    let script = format!("printf 'robot %s\\n' $(printf %s {token} | sha256sum | cut -c1-64)");
    let line = Command::new("sh").args(["-c", &script]).output().expect("sh");
    fs::write(file("tokens"), &line.stdout).expect("tokens");
    fs::write(file("token"), format!("{token}\n")).expect("token");
    let close = |name: &str| {
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(file(name), mode).expect("a file");
    };
    fs::set_permissions(file("tokens"), fs::Permissions::from_mode(0o644)).expect("a file");
    close("token");
    close("key.pem");
    let block = format!(
        "configure\nmanagement-api\nlisten 192.0.2.1 port 7443\ncertificate {}\nprivate-key {}\n\
         tokens {}\ncommit\n",
        file("certificate.pem"),
        file("key.pem"),
        file("tokens")
    );
    fs::write(file("commands"), &block).expect("commands");

    // A token file that others can read refuses the commit, and nothing has changed.
    let refused = site.run(&["-f", &file("commands")]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("nothing is committed") && said.contains("chmod 600"), "{said}");
    assert!(!site.kedge("show running-config").contains("management-api"));
    close("tokens");
    let committed = site.run(&["-f", &file("commands")]);
    assert!(committed.status.success(), "{}", text(&committed.stderr));

    let remote = |words: &[&str]| {
        let mut command = site.host.command(&site.program);
        let flags = ["--host", "192.0.2.1:7443"];
        command.args(flags).arg("--ca").arg(file("certificate.pem"));
        command.arg("--token-file").arg(file("token")).args(words).output().expect("kedge")
    };
    let ran = remote(&["-c", "configure", "-c", "vrf blue", "-c", "commit"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let list = site.kedge("show configuration commit list");
    assert!(list.lines().any(|line| line.contains("robot")), "{list}");
    let raw = text(&remote(&["api", "--run", "show", "version"]).stdout);
    assert!(raw.starts_with("{\"version\":1,\"id\":1,\"status\":\"ok\",\"data\":{"), "{raw}");

    // A wrong token is refused, and the daemon's log says from where.
    fs::write(file("token"), "0".repeat(40)).expect("token");
    let refused = remote(&["-c", "show version"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("the token is not valid"), "{refused:?}");
    let counted = site.kedge("show management-api | json");
    assert!(counted.contains("\"wrong_tokens\": 1"), "{counted}");
    assert!(counted.contains("\"admitted\": 2"), "{counted}");
    wait::until(SOON, "the log to say so", || match site.daemon.log() {
        log if log.contains("showed a wrong token") => Ok(()),
        log => Err(log),
    })
    .expect("said");

    // The port goes with the block.
    fs::write(file("commands"), "configure\nno management-api\ncommit\n").expect("commands");
    assert!(site.run(&["-f", &file("commands")]).status.success());
    wait::until(SOON, "the port to be gone", || match remote(&["-c", "show version"]) {
        gone if text(&gone.stderr).contains("no daemon answers at 192.0.2.1:7443") => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .expect("gone");
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// A daemon on one host.
struct Site {
    daemon: Daemon,
    host: Host,
    program: String,
    // Last: it removes the rest.
    lab: Lab,
}

impl Site {
    /// One that runs an anchor.
    fn set() -> Self {
        Self::with(ANCHOR)
    }

    fn with(configuration: &str) -> Self {
        let lab = Lab::new("kgterm").expect("lab");
        let host = lab.host("one").expect("host");
        host.address("lo", "192.0.2.1/32").expect("IPv4 address");
        host.address("lo", "2001:db8:7::1/128").expect("IPv6 address");
        let daemon = Daemon::start(&host, configuration).expect("kedged");
        let program = programs::find("kedge").expect("kedge").to_string_lossy().into_owned();
        fs::create_dir_all(lab.dir().join("home")).expect("a home");
        Self { daemon, host, program, lab }
    }

    fn dir(&self) -> &Path {
        self.lab.dir()
    }

    fn home(&self) -> PathBuf {
        self.dir().join("home")
    }

    fn kedge(&self, command: &str) -> String {
        self.daemon.kedge(command).expect("an answer")
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = self.host.command(&self.program);
        command.arg("--socket").arg(self.daemon.socket()).args(words).output().expect("kedge")
    }
}

/// A terminal with `kedge` in it.
struct Screen {
    server: PathBuf,
}

impl Screen {
    /// Opens one of this size; `environment` is put before the program.
    fn open(site: &Site, (columns, rows): (u16, u16), environment: &str) -> Self {
        // A server of its own: one that has just lost its last terminal is about to end.
        static OPENED: AtomicU32 = AtomicU32::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let screen = Self { server: site.dir().join(format!("tmux{number}")) };
        let command = format!(
            "env -u XDG_STATE_HOME -u PAGER -u LESS -u NO_COLOR HOME={} {environment} {} \
             --socket {}; echo left with $?; exec sleep 1000",
            site.home().display(),
            site.program,
            site.daemon.socket().display(),
        );
        let (columns, rows) = (columns.to_string(), rows.to_string());
        screen.tmux(&["new-session", "-d", "-x", &columns, "-y", &rows, &command]);
        screen
    }

    fn tmux(&self, words: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.args(["-f", "/dev/null", "-S"]).arg(&self.server).args(words);
        let output = command.output().expect("tmux");
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Sends keys, as `tmux send-keys` names them.
    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys", "-t", "0"], keys].concat());
    }

    /// Types a line.
    fn line(&self, line: &str) {
        self.keys(&["-l", line]);
        self.keys(&["Enter"]);
    }

    fn paste(&self, text: &str, bracketed: bool) {
        self.tmux(&["set-buffer", text]);
        let how: &[&str] = if bracketed { &["-p"] } else { &[] };
        self.tmux(&[&["paste-buffer", "-t", "0"], how].concat());
    }

    /// What is on the screen.
    fn read(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "0"])
    }

    /// Waits until `words` are on the screen; all of it then.
    fn wait(&self, words: &str) -> String {
        self.wait_for(words, |shown| shown.contains(words))
    }

    /// Waits until the last line that is not empty ends with `words`.
    fn wait_end(&self, words: &str) -> String {
        self.wait_for(words, |shown| shown.trim_end().ends_with(words))
    }

    /// Waits until `words` are on the screen and the last line ends with `prompt`: nothing is being
    /// written any more, and what is typed next is typed at the prompt.
    fn wait_behind(&self, words: &str, prompt: &str) -> String {
        self.wait_for(&format!("{words}, then {prompt}"), |shown| {
            shown.contains(words) && shown.trim_end().ends_with(prompt)
        })
    }

    fn wait_for(&self, words: &str, holds: impl Fn(&str) -> bool) -> String {
        let seen = wait::until(SOON, words, || {
            let shown = self.read();
            if holds(shown.trim_end_matches('\n')) { Ok(shown) } else { Err(format!("\n{shown}")) }
        });
        seen.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        let _ = command.arg("-S").arg(&self.server).arg("kill-server").output();
    }
}
