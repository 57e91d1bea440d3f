//! What a template may say: a part of Jinja2 whose cost can be bounded.
//!
//! The engine counts instructions and bytes, but not what a value costs as a text or in a
//! comparison, and a list that holds a list twice, sixty times over, is small in memory and
//! endless as a text. So what a template makes must not hold what it has made: lists and
//! dicts are written in one level (those of constants excepted), and never multiplied. Long
//! chains of operators are refused because parsing them needs stack. Never here: running it.

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOp, CompareOpKind, Expr, Stmt};
use minijinja::machinery::{Token, parse, parse_expr, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::sandbox::Limit;

/// The longest template, in bytes.
const LONGEST: usize = 256 << 10;

/// The most words and signs between one pair of braces, and in all of them.
const MOST_IN_ONE: usize = 300;
const MOST_IN_ALL: usize = 10_000;

/// Why a text is not rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not a template, or uses what does not exist.
    Syntax,
    /// It asks for too much.
    Limit(Limit),
}

/// Checks a template.
pub(super) fn check_template(source: &str) -> Result<(), Fault> {
    count(source, false)?;
    let template = parse(source, "", SyntaxConfig::default()).map_err(|_| Fault::Syntax)?;
    let mut found = Found::default();
    found.statement(&template)?;
    found.verdict()
}

/// Checks an expression that stands alone.
pub(super) fn check_expression(source: &str) -> Result<(), Fault> {
    count(source, true)?;
    let expression = parse_expr(source).map_err(|_| Fault::Syntax)?;
    let mut found = Found::default();
    found.expression(&expression)?;
    found.verdict()
}

fn refuse(reason: &'static str) -> Fault {
    Fault::Limit(Limit::Grammar(reason))
}

fn count(source: &str, in_expression: bool) -> Result<(), Fault> {
    if source.len() > LONGEST {
        return Err(refuse("it has more than 256 KiB"));
    }
    let (mut in_one, mut in_all) = (0, 0);
    for token in tokenize(source, in_expression, SyntaxConfig::default()) {
        match token.map_err(|_| Fault::Syntax)?.0 {
            Token::VariableStart | Token::BlockStart | Token::TemplateData(_) => in_one = 0,
            _ => {
                in_one += 1;
                in_all += 1;
            }
        }
        if in_one > MOST_IN_ONE || in_all > MOST_IN_ALL {
            return Err(refuse("it has too many operators and words"));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Found<'a> {
    /// The names that are set.
    names: Vec<&'a str>,
    multiplies: bool,
    concatenates: bool,
}

impl<'a> Found<'a> {
    fn verdict(&self) -> Result<(), Fault> {
        if self.concatenates && self.multiplies {
            return Err(refuse("`*` and `~` (or `in` after an operation) stand in the same text"));
        }
        Ok(())
    }

    fn statements(&mut self, statements: &[Stmt<'a>]) -> Result<(), Fault> {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Stmt<'a>) -> Result<(), Fault> {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::IfCond(choice) => {
                self.expression(&choice.expr)?;
                self.statements(&choice.true_body)?;
                self.statements(&choice.false_body)
            }
            Stmt::ForLoop(each) if !each.recursive => {
                self.expression(&each.iter)?;
                each.filter_expr.as_ref().map_or(Ok(()), |filter| self.expression(filter))?;
                self.statements(&each.body)?;
                self.statements(&each.else_body)
            }
            Stmt::Set(set) => self.assignment(&set.target, &set.expr),
            Stmt::WithBlock(with) => {
                for (target, value) in &with.assignments {
                    self.assignment(target, value)?;
                }
                self.statements(&with.body)
            }
            _ => Err(refuse("only for, if, set and with are offered as statements")),
        }
    }

    fn assignment(&mut self, target: &Expr<'a>, value: &Expr<'a>) -> Result<(), Fault> {
        let Expr::Var(name) = target else {
            return Err(refuse("only a single name can be set"));
        };
        self.names.push(name.id);
        if makes_container(value) && value.as_const().is_none() {
            return Err(refuse("a name cannot be set to a list or dict that is put together"));
        }
        if any(value, &|e| is_operation(e, BinOpKind::Add)) && self.mentions(value) > 1 {
            return Err(refuse("a name is set to a sum of two names that are set"));
        }
        self.expression(value)
    }

    /// How often an expression mentions a name that is set.
    fn mentions(&self, expression: &Expr<'_>) -> usize {
        let here = matches!(expression, Expr::Var(name) if self.names.contains(&name.id));
        let below = children(expression).into_iter().map(|child| self.mentions(child));
        usize::from(here) + below.sum::<usize>()
    }

    fn expression(&mut self, expression: &Expr<'_>) -> Result<(), Fault> {
        match expression {
            Expr::BinOp(operation) => match operation.op {
                BinOpKind::Mul => {
                    self.multiplies = true;
                    if makes_container(expression) {
                        return Err(refuse("a list cannot be multiplied"));
                    }
                }
                // Both write out a list that stands on their left.
                BinOpKind::Concat => self.concatenates = true,
                BinOpKind::In => self.concatenates |= !is_plain(&operation.left),
                _ => {}
            },
            Expr::Compare(compare) => {
                let plain =
                    is_plain(&compare.expr) && compare.ops.iter().all(|op| is_plain(&op.expr));
                let is_in =
                    |op: &CompareOp<'_>| matches!(op.op, CompareOpKind::In | CompareOpKind::NotIn);
                self.concatenates |= !plain && compare.ops.iter().any(is_in);
            }
            Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) if expression.as_const().is_none() => {
                let nested = children(expression).into_iter().any(|child| {
                    makes_container(child)
                        || any(child, &|e| is_operation(e, BinOpKind::Mul))
                        || any(child, &|e| is_operation(e, BinOpKind::Add))
                });
                if nested {
                    return Err(refuse(
                        "a list or dict that is put together holds another, a sum or a product",
                    ));
                }
            }
            _ => {}
        }
        children(expression).into_iter().try_for_each(|child| self.expression(child))
    }
}

fn is_operation(expression: &Expr<'_>, kind: BinOpKind) -> bool {
    use std::mem::discriminant;
    matches!(expression, Expr::BinOp(found) if discriminant(&found.op) == discriminant(&kind))
}

/// Whether an expression only names or states a value.
fn is_plain(expression: &Expr<'_>) -> bool {
    !any(expression, &|e| matches!(e, Expr::BinOp(_) | Expr::Filter(_) | Expr::Call(_)))
}

fn makes_container(expression: &Expr<'_>) -> bool {
    any(expression, &|e| matches!(e, Expr::List(_) | Expr::Tuple(_) | Expr::Map(_)))
}

/// Whether an expression, or a part of it, is so.
fn any(expression: &Expr<'_>, so: &dyn Fn(&Expr<'_>) -> bool) -> bool {
    so(expression) || children(expression).into_iter().any(|child| any(child, so))
}

/// The parts of an expression.
fn children<'e, 'a>(expression: &'e Expr<'a>) -> Vec<&'e Expr<'a>> {
    match expression {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(slice) => [Some(&slice.expr)]
            .into_iter()
            .chain([slice.start.as_ref(), slice.stop.as_ref(), slice.step.as_ref()])
            .flatten()
            .collect(),
        Expr::UnaryOp(operation) => vec![&operation.expr],
        Expr::BinOp(operation) => vec![&operation.left, &operation.right],
        Expr::Compare(compare) => {
            [&compare.expr].into_iter().chain(compare.ops.iter().map(|op| &op.expr)).collect()
        }
        Expr::IfExpr(choice) => [&choice.test_expr, &choice.true_expr]
            .into_iter()
            .chain(choice.false_expr.as_ref())
            .collect(),
        Expr::Filter(filter) => filter.expr.iter().chain(arguments(&filter.args)).collect(),
        Expr::Test(test) => [&test.expr].into_iter().chain(arguments(&test.args)).collect(),
        Expr::GetAttr(get) => vec![&get.expr],
        Expr::GetItem(get) => vec![&get.expr, &get.subscript_expr],
        Expr::Call(call) => [&call.expr].into_iter().chain(arguments(&call.args)).collect(),
        Expr::List(list) => list.items.iter().collect(),
        Expr::Tuple(tuple) => tuple.items.iter().collect(),
        Expr::Map(map) => map.keys.iter().chain(&map.values).collect(),
    }
}

fn arguments<'e, 'a>(arguments: &'e [CallArg<'a>]) -> impl Iterator<Item = &'e Expr<'a>> {
    arguments.iter().map(|argument| match argument {
        CallArg::Pos(expression)
        | CallArg::Kwarg(_, expression)
        | CallArg::PosSplat(expression)
        | CallArg::KwargSplat(expression) => expression,
    })
}
