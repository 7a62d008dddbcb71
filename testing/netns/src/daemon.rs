//! `kedged` on a host of the lab, and `kedge` to ask it.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::atomic::{AtomicUsize, Ordering},
};

use nix::sys::signal::Signal;

use crate::{
    Host, Process,
    error::{Context, LabError, Result},
    process::tail,
    programs,
    wait::{self, SOON},
};

/// A running (or stopped, or killed) `kedged`.
#[derive(Debug)]
pub struct Daemon {
    host: Host,
    files: Files,
    process: Process,
}

#[derive(Clone, Debug)]
struct Files {
    config: PathBuf,
    socket: PathBuf,
    state: PathBuf,
    /// A setting of the environment.
    level: Option<&'static str>,
}

impl Daemon {
    /// Starts `kedged` with this configuration and waits until it answers on its socket.
    pub fn start(host: &Host, config: &str) -> Result<Self> {
        Self::launch(host, config, None)
    }

    /// As [`Self::start`]; it logs what is wrong, and not what happens.
    pub fn start_quietly(host: &Host, config: &str) -> Result<Self> {
        Self::launch(host, config, Some("KEDGE_LOG=warn"))
    }

    fn launch(host: &Host, config: &str, level: Option<&'static str>) -> Result<Self> {
        let file = |suffix: &str| host.dir().join(format!("{}.{suffix}", host.name()));
        let files =
            Files { config: file("conf"), socket: file("sock"), state: file("state"), level };
        fs::write(&files.config, config)
            .context(|| format!("writing {}", files.config.display()))?;
        let process = launch(host, &files)?;
        let mut daemon = Self { host: host.clone(), files, process };
        daemon.wait_ready()?;
        Ok(daemon)
    }

    /// One command through the `kedge` terminal, as an operator's script would: its output.
    pub fn kedge(&self, command: &str) -> Result<String> {
        let kedge = programs::find("kedge")?;
        let socket = self.files.socket.to_string_lossy();
        self.host.exec(&kedge.to_string_lossy(), &["--socket", &socket, "-c", command])
    }

    /// Many lines through one `kedge`, as a person would type them: its output.
    pub fn script(&self, lines: &str) -> Result<String> {
        // Several may be run at a time.
        static SCRIPTS: AtomicUsize = AtomicUsize::new(0);
        let number = SCRIPTS.fetch_add(1, Ordering::Relaxed);
        let path = self.files.config.with_extension(format!("script-{number}"));
        fs::write(&path, lines).context(|| format!("writing {}", path.display()))?;
        let (kedge, path) = (programs::find("kedge")?, path.display().to_string());
        let socket = self.files.socket.to_string_lossy();
        self.host.exec(&kedge.to_string_lossy(), &["--socket", &socket, "-f", &path])
    }

    /// The file that it was started from.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.files.config
    }

    /// The directory of its state.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.files.state
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Stops it with SIGTERM, and insists on a clean exit.
    pub fn stop(&mut self) -> Result<()> {
        self.stop_by(Signal::SIGTERM)
    }

    /// Stops it with a signal of choice, and insists on a clean exit.
    pub fn stop_by(&mut self, signal: Signal) -> Result<()> {
        self.process.signal(signal)?;
        let status = self.process.wait(SOON)?;
        if status.success() {
            return Ok(());
        }
        Err(LabError::Unexpected(format!(
            "kedged on {} stopped with {status}: {}",
            self.host.name(),
            tail(&self.log())
        )))
    }

    /// Kills it outright, as a crash would.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.process.signal(Signal::SIGKILL)?;
        self.process.wait(SOON)
    }

    /// Starts it again with the same configuration and state, after [`Daemon::stop`] or
    /// [`Daemon::kill`].
    pub fn restart(&mut self) -> Result<()> {
        self.process = launch(&self.host, &self.files)?;
        self.wait_ready()
    }

    /// What it has logged since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.errors()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// Its management socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.files.socket
    }

    fn wait_ready(&mut self) -> Result<()> {
        let name = self.host.name().to_owned();
        let ended = wait::until(SOON, &format!("kedged on {name} to answer"), || {
            if let Some(status) = self.process.ended() {
                return Ok(Some(status));
            }
            match answers(&self.files.socket) {
                Ok(()) => Ok(None),
                Err(error) => Err(format!("{error}; {}", tail(&self.process.errors()))),
            }
        })?;
        let Some(status) = ended else { return Ok(()) };
        let log = tail(&self.log());
        Err(LabError::Unexpected(format!("kedged on {name} did not start ({status}): {log}")))
    }
}

/// Whether a `kedged` answers on this socket. It takes connections before it has made its devices
/// and routes, and answers once they are there.
pub fn answers(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(b"{\"version\":1,\"id\":1,\"complete\":\"\"}\n")?;
    stream.read_exact(&mut [0])
}

fn launch(host: &Host, files: &Files) -> Result<Process> {
    let kedged = programs::find("kedged")?;
    // A socket file that a killed daemon left would look like an answer.
    let _ = fs::remove_file(&files.socket);
    fs::create_dir_all(&files.state).context(|| format!("making {}", files.state.display()))?;
    let words = [&files.config, &files.socket, &files.state].map(|p| p.display().to_string());
    let [config, socket, state] = words.each_ref().map(String::as_str);
    let kedged = kedged.to_string_lossy();
    let args = [&*kedged, "--config", config, "--socket", socket, "--state-dir", state];
    let args: Vec<&str> = files.level.into_iter().chain(args).collect();
    host.spawn("kedged", "env", &args)
}
