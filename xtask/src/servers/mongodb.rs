//! A server that speaks MongoDB's protocol: one that runs already, a `mongod`, or FerretDB.

use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Names a server that runs already.
const URI_VARIABLE: &str = "MONGODB_URI";

/// The embedded FerretDB: a program of a few lines, and the digests of all that it is made of.
const PROGRAM: [(&str, &str); 3] = [
    ("main.go", include_str!("ferretdb/main.go")),
    ("go.mod", include_str!("ferretdb/go.mod")),
    ("go.sum", include_str!("ferretdb/go.sum")),
];

const HOW_TO_GET_IT: &str = "the tests of MongoDB need a server: name one that runs in MONGODB_URI, \
    put `mongod` on the search path, or install Go 1.24 or later (https://go.dev/dl; on Debian 13 and \
    later: `sudo apt-get install golang`), with which FerretDB is built";

const READY_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// What gives the tests their server.
pub(crate) enum MongoDbProgram {
    /// It runs already, at this address.
    Running(String),
    /// MongoDB's own.
    Mongod(PathBuf),
    /// FerretDB over SQLite, built here.
    FerretDb(PathBuf),
}

impl MongoDbProgram {
    /// Finds or builds one.
    pub(crate) fn ensure(repo: &Repo) -> Result<Self> {
        if let Ok(uri) = std::env::var(URI_VARIABLE)
            && !uri.is_empty()
        {
            println!("MongoDB: the server that {URI_VARIABLE} names");
            return Ok(Self::Running(uri));
        }
        if let Some(mongod) = command::find("mongod") {
            println!("MongoDB: {}", mongod.display());
            return Ok(Self::Mongod(mongod));
        }
        let program = build_ferretdb(repo)?;
        println!("MongoDB: {} (FerretDB)", program.display());
        Ok(Self::FerretDb(program))
    }

    /// Finds or builds one that can be killed: not the one that runs already, which is somebody's.
    pub(crate) fn ensure_own(repo: &Repo) -> Result<Self> {
        match command::find("mongod") {
            Some(mongod) => Ok(Self::Mongod(mongod)),
            None => Ok(Self::FerretDb(build_ferretdb(repo)?)),
        }
    }

    /// Starts it on the store in a folder, which stays when the server goes.
    pub(crate) fn start_in(&self, folder: &Path) -> Result<RunningMongoDb> {
        let folder = folder.to_owned();
        let mut server = match self {
            Self::Running(uri) => bail!("{uri} runs already"),
            Self::Mongod(program) => start_mongod(program, folder)?,
            Self::FerretDb(program) => start_ferretdb(program, folder)?,
        };
        server.folder = None;
        Ok(server)
    }

    /// Starts it with an empty store of its own.
    pub(crate) fn start(&self, repo: &Repo) -> Result<RunningMongoDb> {
        match self {
            Self::Running(uri) => Ok(RunningMongoDb {
                uri: uri.clone(),
                child: None,
                folder: None,
            }),
            Self::Mongod(program) => start_mongod(program, fresh_folder(repo)?),
            Self::FerretDb(program) => start_ferretdb(program, fresh_folder(repo)?),
        }
    }
}

/// A server; it stops when this goes.
pub(crate) struct RunningMongoDb {
    uri: String,
    child: Option<Child>,
    folder: Option<PathBuf>,
}

impl RunningMongoDb {
    /// Where it listens.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// The address in it, for a server of this machine.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        let rest = self.uri.trim_start_matches("mongodb://");
        let address = rest.split('/').next().unwrap_or_default();
        address
            .parse()
            .with_context(|| format!("no address in {}", self.uri))
    }
}

impl Drop for RunningMongoDb {
    fn drop(&mut self) {
        // On every way out, errors included. These fail only for what is gone already.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn build_ferretdb(repo: &Repo) -> Result<PathBuf> {
    let folder = repo.target.join("servers/ferretdb");
    let program = folder.join("ferretdb");
    std::fs::create_dir_all(&folder)?;
    let mut is_new = !program.is_file();
    for (name, text) in PROGRAM {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
            std::fs::write(&path, text)?;
            is_new = true;
        }
    }
    if !is_new {
        return Ok(program);
    }
    let go = match command::find("go") {
        Some(go) => go,
        None => crate::setup::install_go().context(HOW_TO_GET_IT)?,
    };
    println!("building FerretDB (a minute, once)");
    // Not `go install`: a module's published sources lack the version file that the program of
    // theirs insists on, its library does not.
    command::run(
        Command::new(go)
            .current_dir(&folder)
            .env("GOFLAGS", "-mod=readonly")
            .args(["build", "-o", "ferretdb", "."]),
    )
    .context(HOW_TO_GET_IT)?;
    Ok(program)
}

fn fresh_folder(repo: &Repo) -> Result<PathBuf> {
    // The process id keeps two runs apart.
    let folder = repo
        .target
        .join(format!("servers/mongodb-{}", std::process::id()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn start_ferretdb(program: &Path, folder: PathBuf) -> Result<RunningMongoDb> {
    let mut child = Command::new(program)
        .arg(&folder)
        // It ends with its standard input, should this process be ended by force.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let output = child.stdout.take().context("FerretDB has no output")?;
    let mut server = RunningMongoDb {
        uri: String::new(),
        child: Some(child),
        folder: Some(folder),
    };
    BufReader::new(output).read_line(&mut server.uri)?;
    server.uri.truncate(server.uri.trim_end().len());
    if !server.uri.starts_with("mongodb://") {
        bail!("FerretDB did not say where it listens");
    }
    Ok(server)
}

fn start_mongod(program: &Path, folder: PathBuf) -> Result<RunningMongoDb> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let child = Command::new(program)
        .arg("--dbpath")
        .arg(&folder)
        .args(["--bind_ip", "127.0.0.1", "--port", &port.to_string()])
        .args(["--quiet", "--logpath"])
        .arg(folder.join("mongod.log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("starting mongod")?;
    let mut server = RunningMongoDb {
        uri: format!("mongodb://127.0.0.1:{port}/"),
        child: Some(child),
        folder: Some(folder),
    };
    let (address, start) = (
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        Instant::now(),
    );
    while TcpStream::connect_timeout(&address, POLL).is_err() {
        if let Some(child) = &mut server.child
            && let Some(status) = child.try_wait()?
        {
            bail!("mongod ended before it was ready ({status})");
        }
        if start.elapsed() > READY_LIMIT {
            bail!("mongod was not ready within {} s", READY_LIMIT.as_secs());
        }
        std::thread::sleep(POLL);
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ferretdb_starts_listens_and_stops() {
        let repo = Repo::find().expect("the repository");
        let program = repo.target.join("servers/ferretdb/ferretdb");
        if !program.is_file() {
            println!("skipped: FerretDB is not built; cargo xtask setup builds it");
            return;
        }
        let server = MongoDbProgram::FerretDb(program)
            .start(&repo)
            .expect("a server");
        let address = server.address().expect("an address");
        TcpStream::connect(address).expect("it listens");
        let folder = server.folder.clone().expect("a folder");
        assert!(folder.is_dir());
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it is stopped");
        assert!(!folder.exists(), "nothing stays behind");
    }
}
