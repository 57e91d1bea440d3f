//! What stands in the manifest of a platform, as types: `docs/manifests.md` in code.
//!
//! Reading is strict: an unknown key is an error. Never here: what a manifest means together
//! (`check.rs`), or requests.

mod rules;

use hub_events::Class;
use hub_events::account::Tier;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;

use super::compute::Computed;
use super::named::Named;
use super::parameter::{Lists, Parameter};
use super::place::{Place, Spot};
use super::sign_in::{Method, SignIn};
use super::template::{Template, Tree};

pub use rules::{Answer, Condition, Limits, Pages};

/// A platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its id, which is the file's name: lower-case letters, digits and `_`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// Where it stands in a list.
    pub category: String,
    /// The smallest plan that has it.
    pub tier: Tier,
    /// The name of its picture; its id where nothing is said.
    pub icon: Option<String>,
    /// Where its interface is documented.
    pub docs: Option<Url>,
    /// What was not confirmed in a description of the vendor.
    pub unverified: Option<String>,
    /// Why it cannot be connected for now.
    pub disabled: Option<String>,
    /// What is missing for it to be offered at all; then it has neither address nor tools.
    pub not_offered: Option<String>,
    /// What every path is appended to.
    pub base_url: Option<Template>,
    /// Further hosts that tools may name; `*.example.com` stands for all below it.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Headers of every request.
    #[serde(default)]
    pub headers: Named<Tree>,
    /// Members of every query.
    #[serde(default)]
    pub query: Named<Tree>,
    /// How bodies are written.
    #[serde(default)]
    pub body: Encoding,
    /// How lists are written in a query or a form.
    #[serde(default)]
    pub lists: Lists,
    /// What the body is put into.
    pub wrap: Option<Wrap>,
    /// Where the platform takes an idempotency key with POST and PATCH.
    pub idempotency: Option<Spot>,
    /// What a connection is made of.
    #[serde(default)]
    pub config: Named<Field>,
    /// How calls show who they are for, the preferred way first.
    #[serde(default)]
    pub sign_in: Vec<SignIn>,
    /// Computed values for every tool.
    #[serde(default)]
    pub compute: Named<Computed>,
    /// Parameters that several tools share.
    #[serde(default)]
    pub parameters: Named<Parameter>,
    /// The request that tells whether a connection works.
    pub test: Option<Test>,
    /// What answers mean.
    #[serde(default)]
    pub answer: Answer,
    /// How often calls may be made, and how the platform says so.
    #[serde(default)]
    pub limits: Limits,
    /// How lists go on.
    pub pages: Option<Pages>,
    /// What can be done.
    #[serde(default, rename = "tool")]
    pub tools: Vec<Operation>,
}

/// A field of a connection.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What kind of value.
    #[serde(default, rename = "type")]
    pub kind: FieldKind,
    /// Whether no connection is without it.
    #[serde(default)]
    pub required: bool,
    /// Whether it is never shown again.
    #[serde(default)]
    pub secret: bool,
    /// What it is and where it is found.
    pub description: String,
    /// What it is where nothing is given.
    pub default: Option<Value>,
    /// Other names under which it is taken.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What may be chosen, and what each stands for in templates.
    pub values: Option<Named<String>>,
}

/// The kind of a field's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A text.
    #[default]
    String,
    /// An address that begins with `http://` or `https://`.
    Url,
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// JSON.
    #[default]
    Json,
    /// `a=1&b=2`; objects inside as JSON text.
    Form,
    /// The same with brackets for what is nested: `a[0][b]=1`.
    FormBrackets,
    /// Parts, with files.
    Multipart,
    /// The bytes of a file.
    Bytes,
}

/// What a body is put into: `data`, a list `data[]`, or both below a member `a/data[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// The members from the outside in.
    pub members: Vec<String>,
    /// Whether the innermost is a list of one.
    pub list: bool,
}

impl<'de> Deserialize<'de> for Wrap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (path, list) = match text.strip_suffix("[]") {
            Some(path) => (path, true),
            None => (text.as_str(), false),
        };
        let members = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Ok(Self { members, list })
    }
}

/// The request that tells whether a connection works.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// GET where nothing is said.
    #[serde(default)]
    pub method: Method,
    /// Its path.
    #[serde(default)]
    pub path: Template,
    /// Its query.
    #[serde(default)]
    pub query: Named<Tree>,
    /// Its body's members.
    #[serde(default)]
    pub set: Named<Tree>,
    /// A fixed query of GraphQL.
    pub graphql: Option<String>,
    /// What must hold beside what holds for every answer.
    pub success: Option<Condition>,
    /// Where the answer says who is connected.
    pub shows: Option<Place>,
}

/// Something that can be done: a tool named `<platform>_<id>`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Its id: lower-case letters, digits and `_`.
    pub id: String,
    /// What it does, so that a model can choose by it.
    pub description: String,
    /// GET where nothing is said; POST with `graphql`.
    pub method: Option<Method>,
    /// Appended to `base_url`, or an address of one of `hosts`.
    #[serde(default)]
    pub path: Template,
    /// What the world can notice of it, where the method does not say it right.
    pub class: Option<Class>,
    /// Whether it deletes or overwrites what cannot be had back; DELETE does.
    pub destructive: Option<bool>,
    /// The parameters that must be given, beside those in the path.
    #[serde(default)]
    pub required: Vec<String>,
    /// Shared parameters that it takes, beside those in the path.
    #[serde(default)]
    pub shared: Vec<String>,
    /// Its parameters.
    #[serde(default)]
    pub parameters: Named<Parameter>,
    /// What always stands in the query.
    #[serde(default)]
    pub query: Named<Tree>,
    /// What always stands in the headers.
    #[serde(default)]
    pub headers: Named<Tree>,
    /// What always stands in the body, by name or JSON pointer.
    #[serde(default)]
    pub set: Named<Tree>,
    /// A fixed query of GraphQL; the parameters are its variables.
    pub graphql: Option<String>,
    /// How the body is written, where not as the platform's others.
    pub body: Option<Encoding>,
    /// How lists are written, where not as the platform's others.
    pub lists: Option<Lists>,
    /// What the body is put into, where not as the platform's others; `""` for nothing.
    pub wrap: Option<Wrap>,
    /// Where it takes an idempotency key, or that it takes none.
    pub idempotency: Option<Idempotency>,
    /// Computed values.
    #[serde(default)]
    pub compute: Named<Computed>,
    /// What its answers mean, where not as the platform's others.
    #[serde(default)]
    pub answer: Answer,
    /// Where the result stands in the answer, where not as with the platform's others.
    pub result: Option<Place>,
    /// Further members of the result, such as an id that comes in a header.
    #[serde(default)]
    pub take: Named<Place>,
    /// The result of an answer without a body.
    pub empty: Option<Value>,
    /// Where the items of a list stand in the answer; then it goes on over pages.
    pub items: Option<Place>,
    /// How the list goes on, where not as the platform's others.
    pub pages: Option<Pages>,
    /// What was not confirmed in a description of the vendor.
    pub unverified: Option<String>,
    /// Why it cannot be called for now.
    pub disabled: Option<String>,
}

/// Where an operation takes an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Nowhere, although the platform's others do.
    Not,
    /// There.
    At(Spot),
}

impl<'de> Deserialize<'de> for Idempotency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        match Value::deserialize(deserializer)? {
            Value::Bool(false) => Ok(Self::Not),
            Value::String(text) => text.parse().map(Self::At).map_err(D::Error::custom),
            other => Err(D::Error::custom(format_args!(
                "expected `false` or a place such as `header:Idempotency-Key`, found `{other}`"
            ))),
        }
    }
}

impl Operation {
    /// Its method.
    pub fn method(&self) -> Method {
        let implied = if self.graphql.is_some() { Method::Post } else { Method::Get };
        self.method.unwrap_or(implied)
    }
}
