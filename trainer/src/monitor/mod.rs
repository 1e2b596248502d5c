//! How models do in the field: one look at the records of all nodes.
//!
//! [`look`] reads a store once and gives a [`LiveView`]: volumes, accuracy by version from labels that came later,
//! champion against challenger, drift from aggregates against each model's own reference, nodes. It is plain data:
//! a table, JSON, alerts and a dashboard are made from it. `docs/monitor.md` documents every field.

mod accuracy;
mod drift_view;
mod known_models;
mod live_view;
mod look;
mod options;
mod read_releases;
mod shadow_view;
mod share;
mod text;
mod volumes;

pub use known_models::{KnownModel, KnownModels};
pub use live_view::{
    Accuracy, AccuracyBin, AlertView, ColumnDriftView, DriftPoint, LabelView, LiveView, ModelDrift,
    NodeSpool, NodeView, Paired, RecordsView, ScoreHistogram, ShadowView, Totals, VersionView,
    VolumeBin,
};
pub use look::look;
pub use options::MonitorOptions;
pub use read_releases::ReadReleases;
pub use share::Share;
pub use text::to_text;
