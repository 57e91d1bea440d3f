//! What may stand in a workflow: conditions and `{{…}}`, and what they can see.
//!
//! Both are compiled once per version of a workflow and evaluated over a [`context::Context`],
//! whose parts are shared and not copied. Every evaluation is bounded in work, depth and size,
//! and sees nothing but its context. Never here: when a step runs, or what it does.

pub mod condition;
pub mod context;
mod grammar;
pub mod jinja;
pub mod jq;
mod python;
mod sandbox;
pub mod template;
pub mod text;
mod value;

pub use condition::Condition;
pub use context::Context;
pub use sandbox::Limit;
pub use template::Template;
pub use text::Text;
