//! A tracking server: one that runs already, or MLflow's own in a Python environment.

use crate::command;
use crate::http;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Names a server that runs already, and tells the tests where the server is.
pub(crate) const URI_VARIABLE: &str = "PICKET_MLFLOW_URI";

/// What is installed. Another version installs again.
const PACKAGE: &str = "mlflow==3.17.2";

const HOW_TO_GET_IT: &str = "the tests of tracking need an MLflow server: name one that runs in \
    PICKET_MLFLOW_URI, or install Python 3.10 or later with its venv module (on Debian and Ubuntu: \
    `sudo apt-get install python3 python3-venv`), with which MLflow is installed";

/// A first start makes the tables of an empty store; a busy machine takes its time.
const READY_LIMIT: Duration = Duration::from_mins(3);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// What gives the tests their server.
pub(crate) enum MlflowProgram {
    /// It runs already, at this address.
    Running(String),
    /// MLflow's command.
    Installed(PathBuf),
}

impl MlflowProgram {
    /// Finds or installs it.
    pub(crate) fn ensure(repo: &Repo) -> Result<Self> {
        if let Ok(uri) = std::env::var(URI_VARIABLE)
            && !uri.is_empty()
        {
            println!("MLflow: the server that {URI_VARIABLE} names");
            return Ok(Self::Running(uri));
        }
        let program = install(repo).context(HOW_TO_GET_IT)?;
        println!("MLflow: {}", repo.shown(&program));
        Ok(Self::Installed(program))
    }

    /// Starts it with an empty store of its own.
    pub(crate) fn start(&self, repo: &Repo) -> Result<RunningMlflow> {
        match self {
            Self::Running(uri) => Ok(RunningMlflow {
                uri: uri.clone(),
                child: None,
                folder: None,
            }),
            Self::Installed(program) => start(program, fresh_folder(repo)?),
        }
    }
}

/// A server; it stops when this goes.
pub(crate) struct RunningMlflow {
    uri: String,
    child: Option<Child>,
    folder: Option<PathBuf>,
}

impl RunningMlflow {
    /// Where it listens.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }
}

impl Drop for RunningMlflow {
    fn drop(&mut self) {
        // On every way out, errors included. These fail only for what is gone already.
        if let Some(child) = &mut self.child {
            let _ = tell_group(child.id(), "TERM");
            let start = Instant::now();
            while matches!(child.try_wait(), Ok(None)) && start.elapsed() < STOP_LIMIT {
                std::thread::sleep(POLL);
            }
            let _ = tell_group(child.id(), "KILL");
            let _ = child.wait();
        }
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// MLflow starts programs of its own: all of its group are told.
fn tell_group(pid: u32, signal: &str) -> Result<()> {
    // The shell's own `kill`: the program of that name is missing on small systems.
    let line = format!("kill -s {signal} -- -{pid} 2>/dev/null || true");
    command::run(Command::new("sh").args(["-c", &line]))
}

fn install(repo: &Repo) -> Result<PathBuf> {
    let venv = repo.target.join("servers/mlflow");
    let program = venv.join("bin/mlflow");
    // Written last: an install that was stopped is made again.
    let installed = venv.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|package| package == PACKAGE) {
        return Ok(program);
    }
    let system = command::find("python3").context("there is no python3")?;
    println!("installing {PACKAGE} into {}", repo.shown(&venv));
    command::run(repo.command(system).args(["-m", "venv"]).arg(&venv))?;
    command::run(
        repo.command(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", PACKAGE]),
    )?;
    std::fs::write(&installed, PACKAGE).context("remembering what was installed")?;
    Ok(program)
}

fn fresh_folder(repo: &Repo) -> Result<PathBuf> {
    // The process id keeps two runs apart.
    let folder = repo
        .target
        .join(format!("servers/mlflow-{}", std::process::id()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn start(program: &Path, folder: PathBuf) -> Result<RunningMlflow> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let log = folder.join("server.log");
    let output = File::create(&log)?;
    let child = Command::new(program)
        .current_dir(&folder)
        .args(["server", "--host", "127.0.0.1", "--port", &port.to_string()])
        .args(["--workers", "1", "--serve-artifacts"])
        .arg("--backend-store-uri")
        .arg(format!("sqlite:///{}", folder.join("mlflow.db").display()))
        .arg("--artifacts-destination")
        .arg(folder.join("artifacts"))
        // Its queues for evaluations are ten processes more, and nothing here needs them.
        .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .env_remove("MLFLOW_TRACKING_URI")
        .process_group(0)
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let mut server = RunningMlflow {
        uri: format!("http://{address}"),
        child: Some(child),
        folder: Some(folder),
    };
    let start = Instant::now();
    while !matches!(http::get(address, "/health"), Ok((200, _))) {
        let told = || std::fs::read_to_string(&log).unwrap_or_default();
        if let Some(child) = &mut server.child
            && let Some(status) = child.try_wait()?
        {
            bail!("MLflow ended before it was ready ({status}): {}", told());
        }
        if start.elapsed() > READY_LIMIT {
            let limit = READY_LIMIT.as_secs();
            bail!("MLflow was not ready within {limit} s: {}", told());
        }
        std::thread::sleep(POLL);
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_ends_whole() {
        // A child of a child, which writes its id and waits.
        let dir = std::env::temp_dir().join(format!("picket-group-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let place = dir.join("pid");
        let line = format!("sh -c 'echo $$ > {}; sleep 60' & wait", place.display());
        let child = Command::new("sh")
            .args(["-c", &line])
            .process_group(0)
            .spawn()
            .expect("a shell");
        let start = Instant::now();
        let grandchild = loop {
            let text = std::fs::read_to_string(&place).unwrap_or_default();
            if text.ends_with('\n') {
                break text.trim().to_owned();
            }
            assert!(start.elapsed() < STOP_LIMIT, "it does not start");
            std::thread::sleep(POLL);
        };
        drop(RunningMlflow {
            uri: String::new(),
            child: Some(child),
            folder: Some(dir),
        });
        let is_alive = || {
            let mut ask = Command::new("sh");
            ask.args(["-c", &format!("kill -0 {grandchild} 2>/dev/null")]);
            ask.status().is_ok_and(|status| status.success())
        };
        let start = Instant::now();
        while is_alive() {
            assert!(start.elapsed() < STOP_LIMIT, "the grandchild lives on");
            std::thread::sleep(POLL);
        }
    }
}
