//! Debian's FreeRADIUS on a host of the lab, with local users.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::{
    Host, Process,
    error::{Context, Result},
    wait,
};

/// The secret that it shares with everybody.
pub const SECRET: &str = "kedge-lab-radius";
const LIMIT: Duration = Duration::from_secs(15);

/// A server, while it runs.
#[derive(Debug)]
pub struct FreeRadius {
    host: Host,
    directory: PathBuf,
    process: Option<Process>,
}

impl FreeRadius {
    /// Starts it for clients anywhere. `users` is in the form of its users file.
    pub fn start(host: &Host, users: &str) -> Result<Self> {
        let directory = host.dir().join(format!("{}.radius", host.name()));
        fs::create_dir_all(&directory).context(|| directory.display().to_string())?;
        fs::set_permissions(&directory, Permissions::from_mode(0o700))
            .context(|| directory.display().to_string())?;
        let mut server = Self { host: host.clone(), directory, process: None };
        server.write("radiusd.conf", &server.config())?;
        server.write("dictionary", "")?;
        server.users(users)?;
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
        let words = ["-f", "-x", "-l", "stdout", "-n", "radiusd", "-d", &directory];
        let mut process = self.host.spawn("radiusd", "freeradius", &words)?;
        process.wait_output(LIMIT, "FreeRADIUS to be ready", |said| {
            said.contains("Ready to process requests").then_some(())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it without a word.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::SIGKILL)?;
            process.wait(LIMIT)?;
        }
        Ok(())
    }

    /// What it has said since it was started last: each packet with its attributes.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }

    /// Waits until it has said something.
    pub fn wait_log(&self, what: &str) -> Result<()> {
        wait::until(
            LIMIT,
            what,
            || if self.log().contains(what) { Ok(()) } else { Err(self.log()) },
        )
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.directory.join(name);
        fs::write(&path, text).context(|| path.display().to_string())
    }

    fn config(&self) -> String {
        let directory = self.directory.display();
        // This release proves its answers only where it is told to.
        let proof = "  update reply {\n   Message-Authenticator := 0x00\n  }\n";
        format!(
            "prefix = /usr\nlibdir = /usr/lib/freeradius\nraddbdir = {directory}\n\
             logdir = {directory}\nrun_dir = {directory}\npidfile = {directory}/pid\n\
             max_requests = 65536\ncleanup_delay = 2\n\
             security {{\n reject_delay = 0\n status_server = no\n}}\n\
             client anybody {{\n ipaddr = 0.0.0.0/0\n secret = {SECRET}\n \
             require_message_authenticator = yes\n}}\n\
             modules {{\n files {{\n  usersfile = {directory}/users\n }}\n}}\n\
             server default {{\n listen {{\n  type = auth\n  ipaddr = *\n  port = 1812\n }}\n \
             authorize {{\n  files\n }}\n post-auth {{\n{proof}  Post-Auth-Type REJECT {{\n \
             {proof}  }}\n }}\n}}\n"
        )
    }
}
