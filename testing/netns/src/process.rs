//! Running programs: to their end, or beside us with a log.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::{
    error::{Context, LabError, Result},
    wait,
};

/// Runs a command to its end; its standard output, or its complaint as an error.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    run_with_input(command, "")
}

/// As `run`, with something to read on standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Result<String> {
    let line = line_of(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(|| format!("starting `{line}`"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input has said why on standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let out = child.wait_with_output().context(|| format!("waiting for `{line}`"))?;
    let stdout = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&out.stderr);
    let output = format!("{} {}", stderr.trim(), stdout.trim()).trim().to_owned();
    Err(LabError::Command { command: line, status: out.status.to_string(), output })
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A program that runs beside us, in its own process group, writing to files.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    out: PathBuf,
    err: PathBuf,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`; its output goes to `<name>.out` and `<name>.err` in `dir`.
    pub(crate) fn start(mut command: Command, name: &str, dir: &Path) -> Result<Self> {
        let out = dir.join(format!("{name}.out"));
        let err = dir.join(format!("{name}.err"));
        let open = |path: &Path| File::create(path).context(|| format!("{}", path.display()));
        let line = line_of(&command);
        let child = command
            .stdin(Stdio::null())
            .stdout(open(&out)?)
            .stderr(open(&err)?)
            .process_group(0)
            .spawn()
            .context(|| format!("starting `{line}`"))?;
        Ok(Self { name: name.to_owned(), child, out, err, status: None })
    }

    /// What it was called when started.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn output(&self) -> String {
        read(&self.out)
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn errors(&self) -> String {
        read(&self.err)
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Sends a signal to it and to what it started.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.ended().is_some() {
            return Ok(());
        }
        killpg(self.group(), signal).context(|| format!("{signal} to {}", self.name))
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let what = format!("{} to end", self.name);
        wait::until(limit, &what, || self.ended().ok_or_else(|| tail(&self.errors())))
    }

    /// Asks it to end with SIGTERM and waits for it.
    pub fn stop(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait(limit)
    }

    /// Waits until `probe` finds something in its standard output.
    pub fn wait_output<T>(
        &mut self,
        limit: Duration,
        what: &str,
        probe: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        wait::until(limit, what, || {
            probe(&self.output()).ok_or_else(|| {
                format!("{}: {} {}", self.name, tail(&self.output()), tail(&self.errors()))
            })
        })
    }

    #[expect(clippy::cast_possible_wrap, reason = "process ids are positive and below 2^22")]
    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = killpg(self.group(), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// The last lines of a log, enough to say why.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.trim_end().lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}
