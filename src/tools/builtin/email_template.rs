//! The tool `email_template`: texts of mails, to be filled in.
//!
//! Every account has the built-in ones and can keep its own. Never here: sending mail.

mod arguments;
mod built_in;

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hub_events::Class;
use hub_events::log::Log;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::arguments::{Draft, Operation, Priority, Render, Which};
use super::collected::context;
use crate::collections::{Collections, Item, New, Set};
use crate::expressions::text::TextError;
use crate::expressions::{Context, Text};
use crate::tools::{Call, Card, Failure, Outcome, Tool};
use crate::vault::Vault;

const SET: Set = Set { name: "templates", items: 200, item_bytes: 512 * 1024, total_bytes: 0 };

/// The tool.
#[derive(Debug)]
pub(super) struct EmailTemplate {
    card: Card,
    own: Collections,
}

/// A template, as it is kept and as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Template {
    id: String,
    category: String,
    subject_prefix: String,
    body: String,
    priority: Priority,
    /// Whether it stands for its category.
    is_default: bool,
}

impl EmailTemplate {
    /// The tool, over templates that are kept in a log and sealed by a vault.
    pub(super) fn new(log: Arc<dyn Log>, vault: Arc<Vault>) -> Self {
        let card = Card::new(
            "email_template",
            "email",
            "Texts of mails with {{variables}}: get, list, create, delete and fill \
                in templates for usual occasions (general, welcome, follow_up, invoice, reminder, \
                support, …) or the account's own. Sends nothing.",
            arguments::schema(),
        );
        Self { card, own: Collections::new(log, vault) }
    }

    async fn carry_out(&self, call: &Call) -> Result<Value, Failure> {
        match Operation::deserialize(&call.arguments).map_err(unfit)? {
            Operation::GetTemplate(which) => {
                let template = self.find(call, &which).await?;
                Ok(json!({ "success": true, "template": template }))
            }
            Operation::ListTemplates { category } => {
                let wanted = |template: &Template| {
                    category.as_ref().is_none_or(|category| template.category == *category)
                };
                let templates: Vec<_> = self.all(call).await?.into_iter().filter(wanted).collect();
                let total = templates.len();
                Ok(json!({ "success": true, "total": total, "templates": templates }))
            }
            Operation::CreateTemplate(draft) => self.create(call, draft).await,
            Operation::DeleteTemplate { template_id } => {
                not_built_in(&template_id)?;
                let deleted = self.own.remove(call.account, &SET, &template_id, context(call));
                let deleted = deleted.await?;
                Ok(json!({ "success": true, "template_id": template_id, "deleted": deleted }))
            }
            Operation::RenderTemplate(render) => self.render(call, render).await,
        }
    }

    /// The account's own templates, newest first, then the built-in ones.
    async fn all(&self, call: &Call) -> Result<Vec<Template>, Failure> {
        let mut own = self.own.list(call.account, &SET).await?;
        own.sort_by_key(|item| std::cmp::Reverse(item.put_at));
        let own: Vec<_> = own.iter().map(read).collect::<Result<_, _>>()?;
        Ok(own.into_iter().chain(built_in::all()).collect())
    }

    /// The template with an id, or the one that stands for a category: its newest default, else
    /// the newest that there is.
    async fn find(&self, call: &Call, which: &Which) -> Result<Template, Failure> {
        let mut all = self.all(call).await?;
        all.retain(|template| match (&which.template_id, &which.category) {
            (Some(id), _) => template.id == *id,
            (None, category) => category.as_ref() == Some(&template.category),
        });
        let chosen = all.iter().position(|template| template.is_default).unwrap_or_default();
        let found = all.into_iter().nth(chosen);
        found.ok_or_else(|| Failure::lasting("template_missing", "There is no such template"))
    }

    async fn create(&self, call: &Call, draft: Draft) -> Result<Value, Failure> {
        let Draft { template_id, category, subject_prefix, body, priority, is_default } = draft;
        let id = template_id.unwrap_or_else(|| call.id.0.to_string());
        not_built_in(&id)?;
        for text in [&subject_prefix, &body] {
            Text::compile(text).map_err(unusable)?;
        }
        let template = Template { id, category, subject_prefix, body, priority, is_default };
        let about = serde_json::to_value(&template).map_err(unreadable)?;
        let new = New { name: template.id.clone(), about, content: None };
        self.own.put(call.account, &SET, new, context(call)).await?;
        Ok(json!({ "success": true, "template": template }))
    }

    async fn render(&self, call: &Call, render: Render) -> Result<Value, Failure> {
        let Render { which, subject, variables } = render;
        let template = self.find(call, &which).await?;
        let given = Context::given(Arc::new(Value::Object(variables)));
        let subject = [template.subject_prefix, subject];
        let subject = subject.map(|part| part.trim().to_owned());
        let subject = subject.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let subject = Text::compile(&subject.join(" ")).map_err(unusable)?;
        let body = Text::compile(&template.body).map_err(unusable)?;
        let mut missing = subject.missing(&given);
        missing.extend(body.missing(&given));
        missing.sort_unstable();
        missing.dedup();
        // A subject is one line, whatever was filled in.
        let subject = subject.render(&given).map_err(unusable)?;
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(json!({
            "success": true,
            "template_id": template.id,
            "subject": subject,
            "body": body.render(&given).map_err(unusable)?,
            "priority": template.priority,
            "missing": missing,
        }))
    }
}

fn read(item: &Item) -> Result<Template, Failure> {
    Template::deserialize(&item.about).map_err(unreadable)
}

fn not_built_in(id: &str) -> Result<(), Failure> {
    if built_in::all().any(|template| template.id == id) {
        let message = "This id is that of a built-in template, which stays as it is";
        return Err(Failure::lasting("template_built_in", message));
    }
    Ok(())
}

fn unfit(_: serde_json::Error) -> Failure {
    Failure::lasting("invalid_arguments", "The arguments do not fit the operation")
}

fn unusable(error: TextError) -> Failure {
    Failure::lasting("template_unusable", error.to_string())
}

fn unreadable(_: serde_json::Error) -> Failure {
    Failure::lasting("template_unreadable", "A template cannot be read or written")
}

impl Tool for EmailTemplate {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, arguments: &Value) -> Class {
        match arguments.get("operation").and_then(Value::as_str) {
            Some("create_template" | "delete_template") => Class::Idempotent,
            _ => Class::Read,
        }
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        async move {
            match self.carry_out(&call).await {
                Ok(result) => Outcome::Done(result),
                Err(failure) => Outcome::Failed(failure),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
