//! The `blend` model: a weighted sum of the margins of other models. Voting and stacking end here.

use serde::Serialize;

use super::ModelTable;
use super::error::ArtifactError;
use super::model_columns::ModelColumns;
use super::reader::Reader;
use super::tree_layout::TreeLayout;
use crate::limits;

/// A model in a blend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member<'a> {
    /// What its margin is multiplied by.
    pub weight: f64,
    /// The model; not a blend.
    pub model: ModelTable<'a>,
}

/// The `blend` model. All members read the same row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Blend<'a> {
    /// What the margin starts from.
    pub bias: f64,
    /// The members, in the order in which their margins are added.
    pub members: Vec<Member<'a>>,
}

impl<'a> Blend<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(2);
        Self {
            bias: reader.key("bias").f64(),
            members: reader.key("members").array(|reader| {
                reader.map(2);
                Member {
                    weight: reader.key("weight").f64(),
                    model: ModelTable::read_member(reader.key("model")),
                }
            }),
        }
    }

    /// The layouts of the members that are trees, in order.
    pub(super) fn validate(
        &self,
        columns: &ModelColumns,
    ) -> Result<Vec<TreeLayout>, ArtifactError> {
        let max = limits::MAX_COEFFICIENT;
        ArtifactError::check_range(format_args!("bias"), self.bias, -max, max)?;
        let n_members = self.members.len();
        ArtifactError::check_count("members", n_members, 1, limits::MAX_BLEND_MEMBERS)?;
        let mut layouts = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let field = format_args!("weight of member {index}");
            ArtifactError::check_range(field, member.weight, -max, max)?;
            // A blend among the members does not come through the reader.
            layouts.extend(member.model.validate(columns)?);
        }
        Ok(layouts)
    }
}
