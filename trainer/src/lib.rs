//! Turns labelled data into a model artifact.

pub mod learn;
