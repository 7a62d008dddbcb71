//! What is said, to whom, and what never is.

use std::{fs, path::PathBuf, process::Command};

use kedge_lab::{
    Daemon, Domain, Process,
    domain::{KEY, NAI, Plan},
    programs,
};

use crate::stage::{ANCHOR, Ended, SOON, Single, Site, ended, look, turn, until};

/// A daemon that a shell has started, once it answers.
struct Asked {
    shell: Process,
    status: PathBuf,
    pid: String,
}

impl Asked {
    /// With these variables of the environment; its standard error goes to `sink`, its status to a
    /// file.
    fn to_start(stage: &Single, variables: &str, sink: &str) -> Self {
        stage.write("conf", ANCHOR);
        let (dir, kedged) = (stage.file(""), programs::find("kedged").expect("kedged"));
        let script = format!(
            "cd {} && {{ {variables} {} --config conf --socket sock --state-dir state & echo $! >pid; \
             wait $!; echo $? >status; }} {sink}",
            dir.display(),
            kedged.display()
        );
        let shell = stage.host.spawn("asked", "sh", &["-c", &script]).expect("sh");
        let mut pid = String::new();
        until("the daemon to answer", || {
            let answers = kedge_lab::answers(&stage.file("sock"));
            answers.map_err(|error| format!("{error}: {}", shell.errors()))?;
            pid = fs::read_to_string(stage.file("pid")).map_err(|error| error.to_string())?;
            if pid.ends_with('\n') { Ok(()) } else { Err("no process id".to_owned()) }
        });
        Self { shell, status: stage.file("status"), pid: pid.trim().to_owned() }
    }

    /// Tells it to stop; with what status it does.
    fn status(&mut self) -> String {
        let asked = Command::new("kill").arg(&self.pid).status().expect("kill");
        assert!(asked.success());
        self.shell.wait(SOON).expect("its end");
        fs::read_to_string(&self.status).expect("a status").trim().to_owned()
    }
}

#[test]
fn the_journal_gets_a_priority_in_front_of_each_line_and_no_time() {
    let _turn = turn();
    let stage = Single::set();
    let mut ran = Asked::to_start(&stage, "JOURNAL_STREAM=8:1", "");
    assert_eq!(ran.status(), "0", "it runs until it is told to stop");
    let log = ran.shell.errors();
    let ready = log.lines().find(|line| line.contains("ready")).expect("a line");
    assert_eq!(ready, "<6>ready socket=sock");
    assert!(log.lines().all(|line| line.starts_with("<6>")), "{log}");
    let wrong = stage.run("JOURNAL_STREAM=8:1 $KEDGED --config /nowhere");
    assert!(wrong.err.starts_with("<3>configuration /nowhere: "), "{wrong:?}");
}

#[test]
fn a_log_that_cannot_be_written_does_not_end_the_daemon() {
    let _turn = turn();
    let stage = Single::set();
    let before = look(&stage.host);
    for sink in ["2>/dev/full", "2>&1 | true", "2>&-"] {
        assert_eq!(Asked::to_start(&stage, "", sink).status(), "0", "{sink}");
        assert_eq!(look(&stage.host), before, "{sink}");
    }
}

#[test]
fn the_shared_key_is_in_no_answer_and_no_log() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    for (daemon, shows) in [
        (
            &site.lma,
            &[
                "show running-config",
                "show ipv6 mobile pmipv6 lma bindings",
                "show ipv6 mobile pmipv6 lma globals",
                "show lma-service statistics",
            ][..],
        ),
        (
            &site.mag,
            &[
                "show running-config",
                "show ipv6 mobile pmipv6 mag bindings",
                "show ipv6 mobile pmipv6 mag globals",
                "show mag-service statistics",
                "show version",
            ],
        ),
    ] {
        for show in shows {
            for form in ["", " | json"] {
                let said = daemon.kedge(&format!("{show}{form}")).expect(show);
                assert!(!said.contains(KEY.1), "{show}{form}: {said}");
                let parsed: Result<serde_json::Value, _> = serde_json::from_str(&said);
                assert_eq!(parsed.is_ok(), !form.is_empty(), "{show}{form}: {said}");
            }
        }
        assert!(daemon.log().contains(NAI), "identifiers are fine: {}", daemon.log());
        assert!(!daemon.log().contains(KEY.1), "{}", daemon.log());
        // Nor in what anybody may read about the process.
        let cmdline = fs::read(format!("/proc/{}/cmdline", daemon.id())).expect("cmdline");
        assert!(!String::from_utf8_lossy(&cmdline).contains(KEY.1));
    }
    let (host, name) = (&site.domain.core.lma, "wrong");
    let file = host.dir().join(name);
    let text = Domain::lma_config(&Plan::default()).replace("key ascii", "key bscii");
    fs::write(&file, text).expect("a file");
    let kedged = programs::find("kedged").expect("kedged");
    let checked = ended(
        Command::new(kedged).arg("--check").arg("--config").arg(&file).output().expect("run"),
    );
    assert_eq!(checked.status, Some(1), "{checked:?}");
    assert!(!checked.err.contains(KEY.1), "a mistake beside the key does not show it: {checked:?}");
}

#[test]
fn the_terminal_tells_scripts_by_its_status_what_became_of_a_command() {
    let _turn = turn();
    let stage = Single::set();
    let mut daemon = Daemon::start(&stage.host, ANCHOR).expect("kedged");
    let socket = daemon.socket().to_owned();
    let kedge = |words: &[&str]| -> Ended {
        let program = programs::find("kedge").expect("kedge");
        let mut command = Command::new(program);
        command.arg("--socket").arg(&socket).args(words);
        ended(command.output().expect("kedge"))
    };
    let good = kedge(&["-c", "show version"]);
    assert_eq!((good.status, good.err.as_str()), (Some(0), ""), "{good:?}");
    let unknown = kedge(&["-c", "show varsion"]);
    assert_eq!((unknown.status, unknown.out.as_str()), (Some(1), ""), "{unknown:?}");
    assert!(unknown.err.contains('^') && unknown.err.contains("version"), "{unknown:?}");
    let nobody = kedge(&["-c", "clear ipv6 mobile pmipv6 lma bindings nai nobody@example.net"]);
    assert_eq!(nobody.status, Some(1), "{nobody:?}");
    assert!(nobody.err.contains("no binding of nobody@example.net"), "{nobody:?}");
    let gateway = kedge(&["-c", "show ipv6 mobile pmipv6 mag bindings"]);
    assert_eq!(gateway.status, Some(1), "{gateway:?}");
    assert!(gateway.err.contains("no gateway"), "{gateway:?}");
    let counted = kedge(&["-c", "show running-config | include pool | count"]);
    assert_eq!(counted.status, Some(0), "{counted:?}");
    assert!(counted.out.contains('2'), "{counted:?}");
    for command in [
        "show version",
        "show running-config",
        "show ipv6 mobile pmipv6 lma bindings",
        "show ipv6 mobile pmipv6 lma globals",
        "show lma-service statistics",
        "clear ipv6 mobile pmipv6 lma bindings all",
    ] {
        let line = format!("{command} | json");
        let answer = kedge(&["-c", &line]);
        assert_eq!(answer.status, Some(0), "{answer:?}");
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&answer.out);
        assert!(parsed.is_ok(), "{line}: {answer:?}");
    }
    daemon.stop().expect("a clean stop");
    assert_eq!(kedge(&["-c", "show version"]).status, Some(2), "nobody answers");
}
