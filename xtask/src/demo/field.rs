//! A synthetic week in the field, and the service that shows it.

use super::server::Server;
use crate::command;
use crate::http;
use crate::interrupt::Interrupt;
use crate::repo::Repo;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the service of the demo is started with.
pub(crate) struct Week {
    pipeline: PathBuf,
    state: PathBuf,
    /// Where the gates' records go.
    records: PathBuf,
    /// The models that they are of.
    models: Vec<PathBuf>,
}

/// Makes the files anew: records end now, and what an earlier demo left is of other models.
pub(crate) fn make(
    repo: &Repo,
    trainer: &Path,
    folder: &Path,
    (data, schema): (&Path, &Path),
    model: &Path,
    is_sample: bool,
) -> Result<Week> {
    let (records, state) = (folder.join("records"), folder.join("service"));
    for old in [&records, &state] {
        if old.exists() {
            std::fs::remove_dir_all(old).with_context(|| format!("removing {}", old.display()))?;
        }
    }
    let pipeline = folder.join("pipeline.toml");
    std::fs::write(&pipeline, pipeline_text(data, schema))?;
    let mut week = Week {
        pipeline,
        state,
        records: records.clone(),
        models: vec![model.to_owned()],
    };
    if !is_sample {
        std::fs::create_dir_all(&records)
            .with_context(|| format!("making {}", records.display()))?;
        println!(
            "none: records are made up for the synthetic sample alone; the gates bring theirs"
        );
        return Ok(week);
    }
    let before = folder.join("before.picket");
    command::run(
        repo.command(trainer)
            .args(["train".as_ref(), "--data".as_ref(), data.as_os_str()])
            .args(["--schema".as_ref(), schema.as_os_str()])
            .args(["--model", "tree", "--name", "phishing, last month"])
            .args(["--out".as_ref(), before.as_os_str()])
            .args(super::note(true)),
    )?;
    command::run(
        repo.command(trainer)
            .args(["sample", "--seed", super::SAMPLE_SEED, "--records"])
            .arg(&records)
            .arg("--model")
            .arg(&before)
            .arg("--model")
            .arg(model),
    )?;
    week.models.insert(0, before);
    Ok(week)
}

/// A training that is over in a moment, so that the list of jobs has one.
fn pipeline_text(data: &Path, schema: &Path) -> String {
    // Literal strings of TOML: no path of ours has an apostrophe, and one that had would be refused when it is read.
    format!(
        "name = \"demo\"\ndata = ['{}']\nschema = '{}'\nseed = 7\n\n[search]\nfolds = 3\nblend = false\n\n\
         [[search.candidates]]\nmodel = \"logistic\"\n\n[[search.candidates]]\nmodel = \"tree\"\n",
        data.display(),
        schema.display()
    )
}

impl Week {
    /// Where the gates' records go.
    pub(crate) fn records(&self) -> &Path {
        &self.records
    }

    /// Starts the service, and a first training.
    pub(crate) fn serve(
        &self,
        repo: &Repo,
        trainer: &Path,
        address: SocketAddr,
        interrupt: &Interrupt,
    ) -> Result<Server> {
        let mut command = repo.command(trainer);
        command
            .args(["serve", "--insecure-local", "--threads", "1"])
            .args(["--listen", &address.to_string(), "--look-every", "5s"])
            .arg("--pipeline")
            .arg(&self.pipeline)
            .arg("--state")
            .arg(&self.state)
            // A log line a request would bury what the demo says.
            .stderr(std::fs::File::create(
                self.pipeline.with_file_name("service.log"),
            )?);
        command.arg("--store").arg(&self.records);
        for model in &self.models {
            command.arg("--model").arg(model);
        }
        let server = Server::start("trainer serve", command, (address, "/ready"), interrupt)?;
        if !interrupt.came() {
            let (status, answer) = http::get(address, "/train")?;
            println!("GET /train: {status} {}", answer.trim());
        }
        Ok(server)
    }
}

#[cfg(test)]
mod tests {
    use super::pipeline_text;
    use std::path::Path;

    #[test]
    fn the_pipeline_names_rows_and_schema() {
        let text = pipeline_text(Path::new("/d/rows.csv"), Path::new("/s/x.toml"));
        assert!(
            text.contains("data = ['/d/rows.csv']\nschema = '/s/x.toml'\n"),
            "{text}"
        );
    }
}
