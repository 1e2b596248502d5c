//! Processes of the service, ended with the test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A process; it is killed when this goes.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    fn spawn(mut command: Command, redis_url: Option<&str>) -> Self {
        command.env_remove("REDIS_URL").stdin(Stdio::null());
        if let Some(url) = redis_url {
            command.env("REDIS_URL", url);
        }
        let child = command.spawn().unwrap();
        Self { child }
    }

    /// `trainer worker`.
    pub(crate) fn worker(arguments: &[String], redis_url: Option<&str>) -> Self {
        Self::worker_logging(arguments, redis_url, log_target())
    }

    /// `trainer worker` whose log goes where it is told.
    pub(crate) fn worker_logging(
        arguments: &[String],
        redis_url: Option<&str>,
        log: impl Into<Stdio>,
    ) -> Self {
        let mut command = trainer();
        command.arg("worker").args(arguments);
        command.stdout(Stdio::null()).stderr(log);
        Self::spawn(command, redis_url)
    }

    /// The system's number of it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `trainer serve`, once it listens, and its address.
    pub(crate) fn serve(arguments: &[String], redis_url: Option<&str>) -> (Self, String) {
        Self::serve_with(arguments, redis_url, &[])
    }

    /// As [`Self::serve`], with variables.
    pub(crate) fn serve_with(
        arguments: &[String],
        redis_url: Option<&str>,
        variables: &[(&str, &str)],
    ) -> (Self, String) {
        let mut command = trainer();
        command.envs(variables.iter().copied());
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments);
        command.stdout(Stdio::piped()).stderr(log_target());
        let mut process = Self::spawn(command, redis_url);
        let mut line = String::new();
        let output = process.child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let url = line.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "it listens: {line:?}");
        (process, url)
    }

    /// A signal by its name, such as STOP.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -s {name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &line]).status();
        assert!(sent.unwrap().success(), "{line}");
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Logs of processes go to the test's standard error where that is asked for.
fn log_target() -> Stdio {
    if std::env::var_os("PICKET_SHOW_LOGS").is_some() {
        Stdio::inherit()
    } else {
        Stdio::null()
    }
}

/// The trainer.
pub(crate) fn trainer() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
}

/// Runs the trainer to its end: exit code, standard output, standard error.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = trainer()
        .args(arguments)
        .env_remove("REDIS_URL")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
