//! Debian's FreeRADIUS on a host of the lab: a server that writes down every accounting record.

use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    Host, Process,
    error::{Context, Result},
    wait,
};

/// The secret that servers and clients of the lab share.
pub const SECRET: &str = "testing123";
/// Where it takes Accounting-Requests.
pub const ACCOUNTING: u16 = 1813;
/// Where it takes all over TLS.
pub const TLS: u16 = 2083;

const LIMIT: Duration = Duration::from_secs(15);

/// A FreeRADIUS with a configuration of its own.
#[derive(Debug)]
pub struct Bookkeeper {
    host: Host,
    name: String,
    dir: PathBuf,
    process: Process,
}

/// An accounting record as FreeRADIUS wrote it: the values of each attribute, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(BTreeMap<String, Vec<String>>);

impl Bookkeeper {
    /// Starts it at an address of a host, for one client; over UDP, or with the files of
    /// [`certificates`] over TLS.
    pub fn start(
        host: &Host,
        name: &str,
        at: IpAddr,
        client: IpAddr,
        tls: Option<&Path>,
    ) -> Result<Self> {
        let dir = host.dir().join(format!("{name}.raddb"));
        fs::create_dir_all(&dir).context(|| format!("making {}", dir.display()))?;
        let config = configuration(&dir, at, client, tls);
        for (file, text) in [("radiusd.conf", config), ("dictionary", String::new())] {
            let path = dir.join(file);
            fs::write(&path, text).context(|| format!("writing {}", path.display()))?;
        }
        let process = launch(host, name, &dir)?;
        let mut server = Self { host: host.clone(), name: name.to_owned(), dir, process };
        server.wait_ready()?;
        Ok(server)
    }

    /// Kills it outright.
    pub fn kill(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGKILL)?;
        self.process.wait(LIMIT).map(drop)
    }

    /// Holds it: it is there and answers nothing.
    pub fn hold(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    /// Lets it go on; it answers what has waited meanwhile.
    pub fn go_on(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGCONT)
    }

    /// Starts it again after [`Self::kill`].
    pub fn restart(&mut self) -> Result<()> {
        self.process = launch(&self.host, &self.name, &self.dir)?;
        self.wait_ready()
    }

    /// Every record it took, in the order of arrival.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let text = fs::read_to_string(self.dir.join("detail")).unwrap_or_default();
        text.split("\n\n").map(Record::read).filter(|record| !record.0.is_empty()).collect()
    }

    /// Waits until its records are as they should be.
    pub fn wait_records(&self, what: &str, are: impl Fn(&[Record]) -> bool) -> Result<Vec<Record>> {
        wait::until(Duration::from_secs(60), what, || {
            let records = self.records();
            match are(&records) {
                true => Ok(records),
                false => Err(format!("{} records, the last {:?}", records.len(), records.last())),
            }
        })
    }

    /// What it says.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }

    fn wait_ready(&mut self) -> Result<()> {
        let ready = |log: &str| log.contains("Ready to process requests").then_some(());
        self.process.wait_output(LIMIT, "FreeRADIUS to be ready", ready)
    }
}

impl Record {
    fn read(text: &str) -> Self {
        let mut values = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in text.lines().filter_map(|line| line.trim().split_once(" = ")) {
            // A tag of zero is none.
            let name = name.split_once(':').map_or(name, |(name, _)| name);
            values.entry(name.to_owned()).or_default().push(value.trim_matches('"').to_owned());
        }
        Self(values)
    }

    /// The first value of an attribute.
    #[must_use]
    pub fn get(&self, attribute: &str) -> &str {
        self.0.get(attribute).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// The first value of an attribute as a number; zero if it is none.
    #[must_use]
    pub fn number(&self, attribute: &str) -> u64 {
        self.get(attribute).parse().unwrap_or(0)
    }

    /// Acct-Status-Type.
    #[must_use]
    pub fn status(&self) -> &str {
        self.get("Acct-Status-Type")
    }

    /// Octets of a direction, the gigawords added.
    #[must_use]
    pub fn octets(&self, direction: &str) -> u64 {
        let gigawords = self.number(&format!("Acct-{direction}-Gigawords"));
        (gigawords << 32) + self.number(&format!("Acct-{direction}-Octets"))
    }
}

fn launch(host: &Host, name: &str, dir: &Path) -> Result<Process> {
    host.spawn(name, "freeradius", &["-f", "-l", "stdout", "-d", &dir.to_string_lossy()])
}

fn configuration(dir: &Path, at: IpAddr, client: IpAddr, tls: Option<&Path>) -> String {
    let dir = dir.display();
    let family = if at.is_ipv4() { "ipaddr" } else { "ipv6addr" };
    let listen = match tls {
        None => format!("  type = acct\n  {family} = {at}\n  port = {ACCOUNTING}\n"),
        Some(papers) => {
            let papers = papers.display();
            format!(
                "  type = auth+acct\n  {family} = {at}\n  port = {TLS}\n  proto = tcp\n  \
                 tls {{\n   private_key_file = {papers}/server.key\n   \
                 certificate_file = {papers}/server.pem\n   ca_file = {papers}/ca.pem\n   \
                 require_client_cert = yes\n   tls_min_version = \"1.2\"\n   \
                 tls_max_version = \"1.3\"\n   ecdh_curve = \"\"\n  }}\n"
            )
        }
    };
    let (proto, secret) = if tls.is_some() { ("tls", "radsec") } else { ("udp", SECRET) };
    format!(
        "libdir = /usr/lib/freeradius\nraddbdir = {dir}\nlogdir = {dir}\nrun_dir = {dir}\n\
         pidfile = {dir}/pid\ncleanup_delay = 1\n\
         log {{\n destination = stdout\n}}\n\
         security {{\n allow_vulnerable_openssl = yes\n}}\n\
         thread pool {{\n start_servers = 2\n max_servers = 4\n}}\n\
         modules {{\n detail {{\n  filename = {dir}/detail\n }}\n}}\n\
         clients all {{\n client anchor {{\n  {family} = {client}\n  proto = {proto}\n  \
         secret = {secret}\n }}\n}}\n\
         server default {{\n listen {{\n{listen}  clients = all\n }}\n \
         accounting {{\n  detail\n }}\n}}\n"
    )
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
