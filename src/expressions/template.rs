//! Filling in `{{…}}` in a step's parameters.
//!
//! Only strings that contain `{{` are rendered, and the result is always a string, in
//! Python's text. A string that is no template, or fails, stays as it was; only a limit is an
//! error. Objects are rendered in depth, and strings and objects in a list; lists in lists and
//! keys are left alone. Never here: what a template may do (`sandbox`, `grammar`).

use minijinja::Environment;
use serde_json::{Map, Value};

use super::context::Context;
use super::grammar::{Fault, check_template};
use super::sandbox::{self, Limit};
use super::{python, value};

/// The most templates in one step's parameters.
const MOST: usize = 1_000;

/// The most bytes of all texts rendered for one step.
const MOST_BYTES: usize = 8 << 20;

/// A step's parameters, compiled: made once, rendered often.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    parameters: Vec<(String, Node)>,
    count: usize,
}

#[derive(Debug)]
enum Node {
    /// Nothing to fill in.
    Constant(Value),
    /// A template, by its number, and its text.
    Text(String, String),
    /// Refused, for asking too much.
    Refused(Limit),
    Object(Vec<(String, Node)>),
    List(Vec<Node>),
}

impl Template {
    /// Compiles parameters. What cannot be compiled stays as it is; what asks for too much is
    /// an error when it is rendered.
    pub fn compile(parameters: &Map<String, Value>) -> Self {
        let environment = sandbox::templates().clone();
        let mut template = Self { environment, parameters: Vec::new(), count: 0 };
        template.parameters =
            parameters.iter().map(|(key, value)| (key.clone(), template.node(value))).collect();
        template
    }

    fn node(&mut self, value: &Value) -> Node {
        match value {
            Value::String(text) if text.contains("{{") => self.text(text),
            Value::Object(members) => {
                let nodes: Vec<_> =
                    members.iter().map(|(key, member)| (key.clone(), self.node(member))).collect();
                if nodes.iter().all(|(_, node)| matches!(node, Node::Constant(_))) {
                    return Node::Constant(value.clone());
                }
                Node::Object(nodes)
            }
            Value::Array(items) => {
                let nodes: Vec<_> = items
                    .iter()
                    .map(|item| match item {
                        Value::Array(_) => Node::Constant(item.clone()),
                        _ => self.node(item),
                    })
                    .collect();
                if nodes.iter().all(|node| matches!(node, Node::Constant(_))) {
                    return Node::Constant(value.clone());
                }
                Node::List(nodes)
            }
            _ => Node::Constant(value.clone()),
        }
    }

    fn text(&mut self, text: &str) -> Node {
        match check_template(text) {
            Ok(()) => {}
            Err(Fault::Syntax) => return Node::Constant(text.into()),
            Err(Fault::Limit(limit)) => return Node::Refused(limit),
        }
        if self.count >= MOST {
            return Node::Refused(Limit::Grammar("there are more than 1000 of them"));
        }
        let name = self.count.to_string();
        match self.environment.add_template_owned(name.clone(), text.to_owned()) {
            Ok(()) => {
                self.count += 1;
                Node::Text(name, text.to_owned())
            }
            Err(_) => Node::Constant(text.into()),
        }
    }

    /// Fills in the templates. Fails only where they do more than they may.
    pub fn render(&self, context: &Context) -> Result<Map<String, Value>, Limit> {
        self.render_with(context, |_| None)
    }

    /// Fills in the templates for a step of a run, where the run's input may replace a
    /// parameter: by the name `step_<n>_<parameter>`, if its value is one that Python takes as
    /// true. What it gives is filled in too.
    pub fn render_step(&self, step: u32, context: &Context) -> Result<Map<String, Value>, Limit> {
        self.render_with(context, |parameter| {
            let value = context.input(&format!("step_{step}_{parameter}"))?;
            python::is_truthy(value).then_some(value)
        })
    }

    fn render_with<'c>(
        &self,
        context: &Context,
        replacement: impl Fn(&str) -> Option<&'c Value>,
    ) -> Result<Map<String, Value>, Limit> {
        let mut rendering = Rendering { root: None, context, left: MOST_BYTES };
        let mut filled = Map::new();
        for (key, node) in &self.parameters {
            let value = match replacement(key) {
                Some(value) => {
                    let parameters = Map::from_iter([(key.clone(), value.clone())]);
                    let replaced = Self::compile(&parameters);
                    match replaced.parameters.first() {
                        Some((_, node)) => rendering.node(&replaced.environment, node)?,
                        None => value.clone(),
                    }
                }
                None => rendering.node(&self.environment, node)?,
            };
            filled.insert(key.clone(), value);
        }
        Ok(filled)
    }
}

struct Rendering<'c> {
    root: Option<minijinja::Value>,
    context: &'c Context,
    left: usize,
}

impl Rendering<'_> {
    fn node(&mut self, environment: &Environment<'_>, node: &Node) -> Result<Value, Limit> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Refused(limit) => Err(*limit),
            Node::Text(name, source) => self.text(environment, name, source).map(Value::String),
            Node::Object(members) => members
                .iter()
                .map(|(key, member)| Ok((key.clone(), self.node(environment, member)?)))
                .collect::<Result<_, _>>()
                .map(Value::Object),
            Node::List(items) => items
                .iter()
                .map(|item| self.node(environment, item))
                .collect::<Result<_, _>>()
                .map(Value::Array),
        }
    }

    fn text(
        &mut self,
        environment: &Environment<'_>,
        name: &str,
        source: &str,
    ) -> Result<String, Limit> {
        let root = self.root.get_or_insert_with(|| value::root(self.context)).clone();
        let rendered = environment.get_template(name).and_then(|template| template.render(root));
        let text = match rendered {
            Ok(text) if text.len() > value::LONGEST_TEXT => return Err(Limit::Work),
            Ok(text) => text,
            Err(error) => match Limit::of(&error) {
                Some(limit) => return Err(limit),
                None => source.to_owned(),
            },
        };
        self.left = self.left.checked_sub(text.len()).ok_or(Limit::Total)?;
        Ok(text)
    }
}

/// What was filled in, for people: `"<key>: <old> -> <new>"` for each parameter that is a
/// string and changed.
pub fn substitutions(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let changed = before.iter().filter_map(|(key, old)| {
        let (old, new) = (old.as_str()?, after.get(key)?);
        (Some(old) != new.as_str()).then(|| format!("{key}: {old} -> {}", python::text(new)))
    });
    changed.collect()
}

#[cfg(test)]
mod tests;
