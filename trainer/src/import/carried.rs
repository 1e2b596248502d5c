//! A peer's model said in Picket's words, before it is compared with its file.

use std::collections::BTreeMap;

use picket_schema::artifact::{
    Artifact, Card, Decision, ModelTable, Reference, Transform, TreesBuilder,
};
use picket_schema::{DataDigest, FeatureSchema};
use picket_wasm_model::Model;

use super::certificate::{Certificate, Comparison};
use super::covers::{cover_factor, cover_units};
use super::error::ImportError;
use super::feature_map::FeatureMap;
use super::leaf_scale::LeafScale;
use super::link::Link;
use super::lowering::Lowering;
use super::peer::{PeerModel, PeerNode};
use super::positive_class::PositiveClass;
use super::{ImportOptions, SourceFormat};
use crate::progress::Reporter;

/// An artifact, and what it takes to compare it with the peer.
pub(crate) struct Carried {
    pub(crate) artifact: Artifact<'static>,
    map: FeatureMap,
    scale: LeafScale,
    sign: f64,
    offset: f64,
    clipped: Vec<bool>,
    /// For each leaf, over all trees, the peer's node that it stands for.
    origins: Vec<usize>,
}

impl Carried {
    /// Carries a checked model over.
    pub(crate) fn new(
        peer: &PeerModel,
        class: &PositiveClass,
        schema: &FeatureSchema,
        options: &ImportOptions,
    ) -> Result<Self, ImportError> {
        let map = FeatureMap::new(peer, schema)?;
        let Link {
            sign,
            offset,
            calibration,
            note,
        } = Link::of(peer, class, options)?;
        let scale = LeafScale::new(peer, sign, offset + sign * peer.base)?;
        let lowering = Lowering::new(peer, schema, &map);
        let mut builder =
            TreesBuilder::new(lowering.operator, scale.base_units(), scale.scale_log2);
        let mut origins = Vec::new();
        for (tree_idx, tree) in peer.trees.iter().enumerate() {
            let factor = cover_factor(tree);
            let leaf_of = |node: usize| match tree.nodes[node] {
                PeerNode::Leaf { value, cover } => {
                    (scale.units(value, tree.weight), cover_units(cover, factor))
                }
                PeerNode::Split { .. } => (0, 1),
            };
            let lowered = lowering.tree(tree_idx, tree, leaf_of)?;
            origins.extend(lowered.origins);
            builder.push(lowered.nodes);
        }
        let clipped = lowering.clipped;
        let mut card = card(peer, options, class);
        card.notes.extend(map.notes.iter().cloned());
        card.notes.push(note);
        card.notes.extend(clipped_note(schema, &clipped));
        let artifact = Artifact {
            schema: schema.clone(),
            transform: Transform::default(),
            model: ModelTable::Trees(builder.build()?),
            calibration,
            decision: Decision {
                threshold: options.threshold,
                uncertain: None,
            },
            // No training rows are at hand.
            reference: Reference {
                features: Vec::new(),
                scores: Vec::new().into(),
            },
            card,
        };
        Ok(Self {
            artifact,
            map,
            scale,
            sign,
            offset,
            clipped,
            origins,
        })
    }

    /// Compares what would be written with the peer.
    pub(crate) fn certify(
        &self,
        peer: &PeerModel,
        options: &ImportOptions,
        reporter: Reporter,
    ) -> Result<Certificate, ImportError> {
        let written = self.artifact.encode()?;
        let comparison = Comparison {
            peer,
            schema: &self.artifact.schema,
            map: &self.map,
            scale: &self.scale,
            clipped: &self.clipped,
            sign: self.sign,
            offset: self.offset,
            origins: &self.origins,
            seed: options.seed,
            n_random_rows: options.n_random_rows,
        };
        comparison.run(&Model::load(&written)?, reporter)
    }

    /// Says where the file comes from.
    pub(crate) fn note_source(&mut self, format: SourceFormat, bytes: &[u8]) {
        let card = &mut self.artifact.card;
        if card.name.is_empty() {
            card.name = format!("{}-{}", self.artifact.schema.name, format.name());
        }
        card.parameters
            .insert("source_format".to_owned(), format.name().to_owned());
        let digest = DataDigest::of(bytes).to_string();
        card.parameters.insert("source_digest".to_owned(), digest);
    }
}

/// What the card says where tests were carried for the domain's numbers only.
fn clipped_note(schema: &FeatureSchema, clipped: &[bool]) -> Option<String> {
    let features = schema.features.iter().zip(clipped);
    let names: Vec<&str> = features
        .filter(|(_, clipped)| **clipped)
        .map(|(feature, _)| feature.name.as_str())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "To the file zero is missing. For {} its rules are carried for the numbers of the schema's domain and for missing values; other numbers are refused before they are scored.",
            names.join(", ")
        )
    })
}

fn card(peer: &PeerModel, options: &ImportOptions, class: &PositiveClass) -> Card {
    let parameters = BTreeMap::from([
        ("source_library".to_owned(), peer.made_by.clone()),
        ("positive_class".to_owned(), class.reason.clone()),
        ("covers".to_owned(), peer.covers.to_owned()),
    ]);
    let mut notes = options.notes.clone();
    notes.push(format!(
        "Imported from a file of {}; trained elsewhere, on data that is not known here: data_digest is zero, and there are no metrics.",
        peer.made_by
    ));
    notes.extend(peer.notes.iter().cloned());
    Card {
        name: options.name.clone(),
        algorithm: peer.algorithm.clone(),
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: options.seed,
        data_digest: DataDigest([0; 32]),
        parent: None,
        parameters,
        metrics: Vec::new(),
        split: "none".to_owned(),
        n_rows_train: 0,
        n_rows_test: 0,
        memorised_share: 0.0,
        importances: Vec::new(),
        notes,
    }
}

#[cfg(test)]
mod tests {
    use picket_schema::{Class, Domain, Feature, Label, MissingPolicy};

    use super::super::certificate::Mismatch;
    use super::super::peer::{
        Arithmetic, Comparison as Compare, MissingRule, Output, PeerFeature, PeerTest, PeerTree,
    };
    use super::*;

    fn schema() -> FeatureSchema {
        let class = |name: &str, value: &str| Class {
            name: name.to_owned(),
            values: vec![value.to_owned()],
        };
        FeatureSchema {
            name: "subject".to_owned(),
            label: Label {
                name: "class".to_owned(),
                positive: class("bad", "1"),
                negative: class("good", "0"),
            },
            features: vec![Feature {
                name: "a".to_owned(),
                domain: Domain::Range([-1.0, 1.0]),
                unit: String::new(),
                missing: MissingPolicy::Accept,
                description: String::new(),
            }],
        }
    }

    /// One tree: `a < threshold`, to a leaf of this value, else to -1.
    fn peer(threshold: f64, nan_passes: bool, value: f64) -> PeerModel {
        let leaf = |value| PeerNode::Leaf { value, cover: 1.0 };
        let split = PeerNode::Split {
            feature: 0,
            test: PeerTest::Compare {
                comparison: Compare::Less,
                threshold,
                missing: MissingRule::NanPasses(nan_passes),
            },
            yes: 1,
            no: 2,
        };
        PeerModel {
            made_by: "a test".to_owned(),
            algorithm: "a test".to_owned(),
            features: vec![PeerFeature::default()],
            trees: vec![PeerTree {
                nodes: vec![split, leaf(value), leaf(-1.0)],
                weight: 1.0,
            }],
            base: 0.0,
            divisor: 1.0,
            arithmetic: Arithmetic::F32,
            output: Output::LogOdds { slope: 1.0 },
            leaf_class: 1,
            covers: "none",
            notes: Vec::new(),
        }
    }

    /// Carries one model and compares it with another.
    fn certified(written: &PeerModel, file: &PeerModel) -> Result<Certificate, ImportError> {
        let class = PositiveClass {
            index: 1,
            reason: String::new(),
        };
        let options = ImportOptions {
            n_random_rows: 1,
            ..ImportOptions::default()
        };
        Carried::new(written, &class, &schema(), &options)
            .unwrap()
            .certify(file, &options, Reporter::Silent)
    }

    #[test]
    fn the_smallest_difference_is_found_without_luck() {
        let file = peer(0.5, true, 1.0);
        let certificate = certified(&file, &file).unwrap();
        assert_eq!((certificate.n_leaves_reached, certificate.n_leaves), (2, 2));
        assert_eq!(certificate.max_difference, 0.0);
        // The next threshold, the other default, a leaf one part in a million larger.
        let next = f64::from(0.5_f32.next_up());
        for other in [peer(next, true, 1.0), peer(0.5, false, 1.0)] {
            for (written, file) in [(&other, &file), (&file, &other)] {
                match certified(written, file) {
                    Err(ImportError::Parity(mismatch)) => {
                        assert!(
                            matches!(*mismatch, Mismatch::Leaf { tree: 0, .. }),
                            "{mismatch}"
                        );
                    }
                    found => panic!("expected another leaf, found {found:?}"),
                }
            }
        }
        match certified(&peer(0.5, true, 1.000_001), &file) {
            Err(ImportError::Parity(mismatch)) => {
                assert!(matches!(*mismatch, Mismatch::Margin { .. }), "{mismatch}");
            }
            found => panic!("expected another margin, found {found:?}"),
        }
    }
}
