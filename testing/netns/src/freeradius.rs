//! Debian's FreeRADIUS on a host of the lab: it knows local users, and writes every accounting record
//! down.

use std::{
    fmt::Write as _,
    fs::{self, Permissions},
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::Instant,
};

use nix::sys::signal::Signal;

use crate::{
    Host, Process,
    detail::Record,
    error::{Context, LabError, Result},
    wait::{self, SOON},
};

/// The secret that servers and clients of the lab share where nothing else is said.
pub const SECRET: &str = "kedge-lab-radius";
/// Where a server takes everything over TLS.
pub const TLS: u16 = 2083;

/// What a server is like.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Its name in the lab.
    pub name: &'a str,
    /// Where it listens.
    pub at: IpAddr,
    /// The ports for Access- and for Accounting-Requests.
    pub ports: (u16, u16),
    /// What it shares with its clients.
    pub secret: &'a str,
    /// The one client it has; `None` for anybody.
    pub client: Option<IpAddr>,
    /// The files of [`certificates`], if it is to be spoken to over TLS alone.
    pub tls: Option<PathBuf>,
    /// Local users, in the form of its users file.
    pub users: &'a str,
    /// Whether it says what it is asked and answers: each packet with its attributes.
    pub talks: bool,
}

/// A server, while it runs.
#[derive(Debug)]
pub struct FreeRadius {
    host: Host,
    name: String,
    directory: PathBuf,
    talks: bool,
    process: Option<Process>,
}

/// What radclient asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Access-Requests.
    Access,
    /// Accounting-Requests.
    Accounting,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            name: "radiusd",
            at: Ipv4Addr::UNSPECIFIED.into(),
            ports: (1812, 1813),
            secret: SECRET,
            client: None,
            tls: None,
            users: "",
            talks: false,
        }
    }
}

impl FreeRadius {
    /// Starts one on a host.
    pub fn start(host: &Host, setup: &Setup<'_>) -> Result<Self> {
        let directory = host.dir().join(format!("{}.{}.raddb", host.name(), setup.name));
        fs::create_dir_all(&directory).context(|| directory.display().to_string())?;
        fs::set_permissions(&directory, Permissions::from_mode(0o700))
            .context(|| directory.display().to_string())?;
        let (name, talks) = (setup.name.to_owned(), setup.talks);
        let mut server = Self { host: host.clone(), name, directory, talks, process: None };
        server.write("radiusd.conf", &setup.text(&server.directory.display().to_string()))?;
        server.write("dictionary", "")?;
        server.users(setup.users)?;
        server.restart()?;
        Ok(server)
    }

    /// Other users, from the next start on.
    pub fn users(&self, users: &str) -> Result<()> {
        self.write("users", users)
    }

    /// Starts it again, with the users that there are.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let directory = self.directory.display().to_string();
        let mut words = vec!["-f", "-l", "stdout", "-n", "radiusd", "-d", &directory];
        words.extend(self.talks.then_some("-x"));
        let mut process = self.host.spawn(&self.name, "freeradius", &words)?;
        process.wait_output(SOON, "FreeRADIUS to be ready", |said| {
            said.contains("Ready to process requests").then_some(())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it without a word.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::SIGKILL)?;
            process.wait(SOON)?;
        }
        Ok(())
    }

    /// Holds it: it is there and answers nothing.
    pub fn hold(&mut self) -> Result<()> {
        self.process.as_mut().map_or(Ok(()), |process| process.signal(Signal::SIGSTOP))
    }

    /// Lets it go on; it answers what has waited meanwhile.
    pub fn go_on(&mut self) -> Result<()> {
        self.process.as_mut().map_or(Ok(()), |process| process.signal(Signal::SIGCONT))
    }

    /// Every accounting record it took, in the order of arrival.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        Record::read_all(&fs::read_to_string(self.directory.join("detail")).unwrap_or_default())
    }

    /// Waits until its records are as they should be. Some come with the shortest interval there
    /// is, a minute.
    pub fn wait_records(&self, what: &str, are: impl Fn(&[Record]) -> bool) -> Result<Vec<Record>> {
        wait::until(SOON * 3, what, || {
            let records = self.records();
            match are(&records) {
                true => Ok(records),
                false => Err(format!("{} records, the last {:?}", records.len(), records.last())),
            }
        })
    }

    /// What it has said since it was started last.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }

    /// Waits until it has said something.
    pub fn wait_log(&self, what: &str) -> Result<()> {
        wait::until(SOON, what, || if self.log().contains(what) { Ok(()) } else { Err(self.log()) })
    }

    /// Requests a second that it answers radclient, its own client on its own host, where `users` are
    /// asked about one after the other and so many at a time.
    pub fn answers_a_second(
        &self,
        setup: &Setup<'_>,
        asked: Asked,
        users: impl Iterator<Item = String>,
        at_a_time: usize,
    ) -> Result<f64> {
        let (mut requests, mut count) = (String::new(), 0);
        for user in users {
            let rest = match asked {
                Asked::Access => "User-Password = x\nMessage-Authenticator = 0x00",
                Asked::Accounting => "Acct-Status-Type = Start\nAcct-Session-Id = 1",
            };
            let _ = writeln!(requests, "User-Name = {user}\n{rest}\n");
            count += 1;
        }
        self.write("requests", &requests)?;
        let file = self.directory.join("requests").display().to_string();
        let (kind, port) = match asked {
            Asked::Access => ("auth", setup.ports.0),
            Asked::Accounting => ("acct", setup.ports.1),
        };
        let (to, at_a_time) = (format!("{}:{port}", Ipv4Addr::LOCALHOST), at_a_time.to_string());
        let start = Instant::now();
        let words = ["-q", "-s", "-p", &at_a_time, "-f", &file, &to, kind, setup.secret];
        let said = self.host.exec("radclient", &words)?;
        let took = start.elapsed();
        let approved = said.lines().find_map(|line| {
            let (name, number) = line.split_once(':')?;
            let of = ["Accepted", "Approved"].into_iter().any(|word| name.contains(word));
            number.trim().parse::<u32>().ok().filter(|_| of)
        });
        match approved {
            Some(number) if number == count => Ok(f64::from(count) / took.as_secs_f64()),
            _ => Err(LabError::Unexpected(format!("radclient, {count} requests: {said}"))),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.directory.join(name);
        fs::write(&path, text).context(|| path.display().to_string())
    }
}

impl Setup<'_> {
    /// Its configuration, in a directory.
    fn text(&self, directory: &str) -> String {
        let family = if self.at.is_ipv4() { "ipaddr" } else { "ipv6addr" };
        let listens = match &self.tls {
            None => {
                let listen = |kind, port| {
                    format!(
                        " listen {{\n  type = {kind}\n  {family} = {}\n  port = {port}\n  \
                         clients = all\n }}\n",
                        self.at
                    )
                };
                listen("auth", self.ports.0) + &listen("acct", self.ports.1)
            }
            Some(papers) => {
                let papers = papers.display();
                format!(
                    " listen {{\n  type = auth+acct\n  {family} = {}\n  port = {TLS}\n  \
                     proto = tcp\n  clients = all\n  tls {{\n   \
                     private_key_file = {papers}/server.key\n   \
                     certificate_file = {papers}/server.pem\n   ca_file = {papers}/ca.pem\n   \
                     require_client_cert = yes\n   tls_min_version = \"1.2\"\n   \
                     tls_max_version = \"1.3\"\n   ecdh_curve = \"\"\n  }}\n }}\n",
                    self.at
                )
            }
        };
        let (proto, secret) =
            if self.tls.is_some() { ("tls", "radsec") } else { ("udp", self.secret) };
        let client = self.client.map_or("0.0.0.0/0".to_owned(), |client| client.to_string());
        // This release proves its answers only where it is told to.
        let proof = "  update reply {\n   Message-Authenticator := 0x00\n  }\n";
        format!(
            "libdir = /usr/lib/freeradius\nraddbdir = {directory}\nlogdir = {directory}\n\
             run_dir = {directory}\npidfile = {directory}/pid\nmax_requests = 65536\n\
             cleanup_delay = 1\nlog {{\n destination = stdout\n}}\n\
             security {{\n allow_vulnerable_openssl = yes\n reject_delay = 0\n \
             status_server = no\n}}\n\
             thread pool {{\n start_servers = 2\n max_servers = 4\n}}\n\
             modules {{\n files {{\n  usersfile = {directory}/users\n }}\n \
             detail {{\n  filename = {directory}/detail\n }}\n}}\n\
             clients all {{\n client theirs {{\n  {family} = {client}\n  proto = {proto}\n  \
             secret = {secret}\n  require_message_authenticator = yes\n }}\n}}\n\
             server default {{\n{listens} authorize {{\n  files\n }}\n \
             post-auth {{\n{proof}  Post-Auth-Type REJECT {{\n{proof}  }}\n }}\n \
             accounting {{\n  detail\n }}\n}}\n"
        )
    }
}

/// Makes a directory with a certificate authority (`ca.pem`) and, vouched for by it, a
/// certificate for the server at an address (`server.pem`, `server.key`) and one for a client
/// (`client.pem`, `client.key`).
pub fn certificates(host: &Host, server: IpAddr) -> Result<PathBuf> {
    let dir = host.dir().join("papers");
    fs::create_dir_all(&dir).context(|| format!("making {}", dir.display()))?;
    let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7"];
    let own = ["req", "-x509", "-subj", "/CN=lab", "-keyout"];
    let (ca, ca_key) = (path("ca.pem"), path("ca.key"));
    host.exec("openssl", &[&own[..], &[&ca_key, "-out", &ca], &key].concat())?;
    let address = format!("subjectAltName=IP:{server}");
    for (name, alternative) in [("server", &*address), ("client", "subjectAltName=DNS:lma1")] {
        let (out, own_key) = (path(&format!("{name}.pem")), path(&format!("{name}.key")));
        let subject = format!("/CN={name}");
        let ask = ["req", "-x509", "-subj", &subject, "-addext", alternative, "-CA", &ca];
        let more = ["-CAkey", &ca_key, "-keyout", &own_key, "-out", &out];
        let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
        host.exec("openssl", &[&ask[..], &more, &leaf, &key].concat())?;
    }
    Ok(dir)
}
