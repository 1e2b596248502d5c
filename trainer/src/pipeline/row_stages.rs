//! The stages that get rows: ingest with validation, and split.

use picket_schema::FeatureSchema;
use picket_wasm_model::OwnedModel;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::drift::{DriftOptions, DriftReference, DriftTest, LiveRows, drift, to_yaml};
use crate::error::TrainerError;
use crate::ingest::{DataSource, Ingest, IngestError, InvalidRows, Labels, Quarantine};
use crate::pipeline::config::PipelineConfig;
use crate::pipeline::context::Rows;
use crate::pipeline::dataset_file::{self, DATASET_FILE};
use crate::pipeline::stage_runner::StageRunner;
use crate::report;
use crate::row_groups::RowGroups;
use crate::split::{Split, SplitKind};
use crate::validate::{Severity, ValidationReport, validate};

/// What a later stage, or a run that goes on, needs to know of the reading.
#[derive(Serialize, Deserialize)]
struct Read {
    source: String,
    findings: Vec<report::Finding>,
}

const READ_FILE: &str = "read.json";

/// Reads and validates the rows, or takes them from the folder of a run that goes on.
pub(super) fn ingest(
    run: &mut StageRunner,
    config: &PipelineConfig,
    schema: &FeatureSchema,
) -> Result<(Dataset, String, Vec<report::Finding>), TrainerError> {
    if let Some(place) = run.folder.finished("ingest") {
        let data = dataset_file::read(schema, &place.join(DATASET_FILE))?;
        let file = place.join(READ_FILE);
        let text = std::fs::read(&file).map_err(|source| TrainerError::Read {
            file: file.display().to_string(),
            source,
        })?;
        let Read { source, findings } = serde_json::from_slice(&text)?;
        return Ok((data, source, findings));
    }
    let source = config.data.as_ref().ok_or_else(|| TrainerError::Usage {
        option: "--data".to_owned(),
        expected: "the labelled rows, here or in the pipeline's file".to_owned(),
    })?;
    let (result, _) = run.stage("ingest", |run, stage| {
        let mut quarantine = Quarantine::new(&stage.place("quarantine.csv"));
        let ingested = Ingest {
            schema,
            source,
            labels: match &config.feedback {
                Some(feedback) => Labels::Feedback(feedback.clone()),
                None => Labels::Column,
            },
            time_column: config.split.time_column.as_deref(),
            invalid: InvalidRows::Count(Some(&mut quarantine)),
            reporter: run.reporter,
        }
        .run()?;
        quarantine.commit()?;
        let validated = validate(ingested, schema, &config.validate);
        stage.write_json("validation.json", &validated.report)?;
        if let Some(profile) = &validated.profile {
            stage.write_json("profile.json", profile)?;
        }
        let findings = shown(&validated.report);
        stage.write_json(
            READ_FILE,
            &Read {
                source: name_of(source),
                findings: findings.clone(),
            },
        )?;
        if let Some(data) = &validated.data {
            stage.write(DATASET_FILE, &dataset_file::encode(data)?)?;
        }
        Ok((validated, findings))
    })?;
    let (validated, findings) = result;
    let report = &validated.report;
    if !report.passed {
        // The next try reads the rows again: they are what has to change.
        run.folder.set_aside("ingest")?;
        let worst: Vec<&str> = report
            .findings
            .iter()
            .take(3)
            .map(|f| f.message.as_str())
            .collect();
        return Err(TrainerError::Gate {
            reason: format!(
                "validation found {} errors and {} warnings: {}",
                report.n_errors,
                report.n_warnings,
                worst.join("; ")
            ),
        });
    }
    let data = validated.data.ok_or_else(|| IngestError::NoRows {
        file: report.source.clone(),
    })?;
    Ok((data, name_of(source), findings))
}

/// The name alone: a report is passed on, and paths tell of the machine that it was made on.
fn name_of(source: &DataSource) -> String {
    match source {
        DataSource::Files(files) => {
            let names = files
                .paths
                .iter()
                .map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
            names.collect::<Vec<_>>().join(", ")
        }
        DataSource::MongoDb(_) => source.to_string(),
    }
}

fn shown(report: &ValidationReport) -> Vec<report::Finding> {
    let findings = report.findings.iter().map(|finding| report::Finding {
        severity: match finding.severity {
            Severity::Error => report::Severity::Error,
            Severity::Warning => report::Severity::Warning,
            Severity::Info => report::Severity::Note,
        },
        column: finding.column.clone(),
        message: finding.message.clone(),
        n_rows: Some(finding.count),
    });
    findings.collect()
}

/// Compares the rows with a reference: rows that the pipeline names, else the champion's training rows.
pub(super) fn compare(
    run: &mut StageRunner,
    config: &PipelineConfig,
    schema: &FeatureSchema,
    data: &Dataset,
    champion: Option<&OwnedModel>,
) -> Result<Option<report::Drift>, TrainerError> {
    let of_champion = champion.filter(|model| {
        let artifact = model.model().artifact();
        artifact.schema.digest() == schema.digest() && !artifact.reference.features.is_empty()
    });
    let options = DriftOptions {
        alpha: config.drift.alpha.unwrap_or(DriftOptions::default().alpha),
        ..DriftOptions::default()
    };
    let live = LiveRows {
        // Rows stand one after another; a copy of them all would be the largest thing in memory.
        values: data.features().as_slice().unwrap_or_default(),
        scores: None,
    };
    let (report, reference) = match (&config.drift.reference, of_champion) {
        (Some(source), _) => {
            let mut ingest = Ingest::new(schema, source);
            ingest.labels = Labels::None;
            ingest.reporter = run.reporter;
            let rows = ingest.run()?;
            let reference = LiveRows {
                values: &rows.values,
                scores: None,
            };
            let reference = DriftReference::Rows(reference);
            (drift(schema, &reference, &live, &options), name_of(source))
        }
        (None, Some(champion)) => {
            let histograms = &champion.model().artifact().reference;
            let reference = DriftReference::Histograms(histograms);
            let name = "the champion's training rows".to_owned();
            (drift(schema, &reference, &live, &options), name)
        }
        (None, None) => return Ok(None),
    };
    run.stage("drift", |_, stage| {
        stage.write("drift_report.yaml", to_yaml(&report).as_bytes())?;
        stage.write_json("drift.json", &report)
    })?;
    if config.drift.fail && report.drift_status {
        return Err(TrainerError::Gate {
            reason: format!("{} columns have drifted from {reference}", report.n_drifted),
        });
    }
    Ok(Some(report::Drift {
        reference,
        is_drifted: report.drift_status,
        columns: report
            .columns
            .iter()
            .map(|column| report::ColumnDrift {
                name: column.column.clone(),
                test: match column.test {
                    DriftTest::KolmogorovSmirnov => "Kolmogorov-Smirnov",
                    DriftTest::ChiSquared => "chi-squared",
                }
                .to_owned(),
                statistic: column.statistic,
                p_value: column.p_value,
                adjusted_p_value: column.q_value,
                psi: column.psi,
                is_drifted: column.drift_status,
            })
            .collect(),
    }))
}

/// What stands in `split/split.json`.
#[derive(Serialize)]
struct SplitReport {
    kind: &'static str,
    seed: u64,
    n_rows: usize,
    n_distinct_rows: usize,
    n_train: usize,
    n_test: usize,
    positive_share_train: f64,
    positive_share_test: f64,
    /// Of the test rows of this split, those whose features also stand in its training part.
    memorised_share: f64,
    /// The same of a random split.
    memorised_share_of_random_split: f64,
}

/// Tells rows to learn from and rows to measure on apart.
pub(super) fn split(
    run: &mut StageRunner,
    config: &PipelineConfig,
    schema: &FeatureSchema,
    (data, source, findings): (Dataset, String, Vec<report::Finding>),
    drift: Option<report::Drift>,
) -> Result<Rows, TrainerError> {
    let (rows, _) = run.stage("split", |_, stage| {
        let groups = RowGroups::of(&data);
        let (kind, seed) = (config.split.kind, config.seed);
        let split = Split::new(&data, &groups, kind, seed)?;
        let random = Split::new(&data, &groups, SplitKind::Random, seed);
        let memorised_share = random
            .unwrap_or_else(|_| split.clone())
            .memorised_share(&groups);
        let positive = |rows: &[usize]| {
            let n = rows
                .iter()
                .filter(|row_idx| data.labels()[**row_idx])
                .count();
            n as f64 / rows.len().max(1) as f64
        };
        stage.write_json(
            "split.json",
            &SplitReport {
                kind: kind.name(),
                seed,
                n_rows: data.n_rows(),
                n_distinct_rows: groups.n_groups(),
                n_train: split.train.len(),
                n_test: split.test.len(),
                positive_share_train: positive(&split.train),
                positive_share_test: positive(&split.test),
                memorised_share: split.memorised_share(&groups),
                memorised_share_of_random_split: memorised_share,
            },
        )?;
        Ok((groups, split, memorised_share))
    })?;
    let (groups, split, memorised_share) = rows;
    run.record.schema_digest = Some(schema.digest().to_string());
    run.record.data_digest = Some(data.digest().to_string());
    run.write_record()?;
    Ok(Rows {
        schema: schema.clone(),
        source,
        data,
        findings,
        drift,
        groups,
        split,
        memorised_share,
    })
}
