//! What conversations have that is neither rule, effect nor HTTP: words for models, and the
//! measures of them.
//!
//! Never here: models, tools, or what is on record.

pub mod prompt;
pub mod tokens;
