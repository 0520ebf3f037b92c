//! When a classic script must run.

use oxc_allocator::Allocator;
use oxc_ast::ast::{BindingPattern, Declaration, Expression, Statement, VariableDeclaration};
use oxc_parser::Parser;
use oxc_span::SourceType;

use crate::script::{can_be_parsed, on_deep_stack};

/// How free the place of a script is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Timing {
    /// It declares and listens; all else happens once the page is there.
    Late,
    /// It uses the page or libraries at once, so it may run later, but not earlier. With the names it declares.
    Movable { declared: Vec<String> },
    /// It depends on its place, or nobody knows.
    Fixed,
}

/// Words of scripts that depend on where they stand or on how they are called.
const PLACED: [&str; 5] = ["document.write", "currentScript", "this", "arguments", "eval("];

pub(super) fn of(script: &str) -> Timing {
    if !can_be_parsed(script) {
        return Timing::Fixed;
    }
    on_deep_stack(|| {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, script, SourceType::script()).parse();
        let body = &parsed.program.body;
        if !parsed.diagnostics.is_empty() || body.iter().any(Statement::is_module_declaration) {
            return Timing::Fixed;
        }
        if body.iter().all(is_late) {
            return Timing::Late;
        }
        let names: Option<Vec<Vec<String>>> = body.iter().map(declared).collect();
        match names {
            Some(names) if !PLACED.iter().any(|word| script.contains(word)) && parsed.program.directives.is_empty() => {
                Timing::Movable { declared: names.concat() }
            }
            _ => Timing::Fixed,
        }
    })
    .unwrap_or(Timing::Fixed)
}

fn is_late(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::FunctionDeclaration(_) | Statement::EmptyStatement(_) => true,
        Statement::VariableDeclaration(variables) => {
            variables.declarations.iter().all(|variable| variable.init.as_ref().is_none_or(is_inert))
        }
        Statement::ExpressionStatement(statement) => listens(&statement.expression),
        _ => false,
    }
}

/// A value that is the same whenever it is made.
fn is_inert(value: &Expression<'_>) -> bool {
    match value {
        Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => true,
        Expression::ArrayExpression(array) => array.elements.is_empty(),
        Expression::ObjectExpression(object) => object.properties.is_empty(),
        value => value.is_literal(),
    }
}

/// `document.addEventListener("DOMContentLoaded", function)`, the same of `window` and `load`.
fn listens(expression: &Expression<'_>) -> bool {
    let Expression::CallExpression(call) = expression.without_parentheses() else { return false };
    let Some(member) = call.callee.as_member_expression() else { return false };
    let on_page =
        matches!(member.object(), Expression::Identifier(name) if matches!(name.name.as_str(), "document" | "window"));
    let event = call.arguments.first().and_then(|argument| argument.as_expression());
    let late = matches!(event, Some(Expression::StringLiteral(event)) if matches!(event.value.as_str(), "DOMContentLoaded" | "load"));
    let listener = call.arguments.get(1).and_then(|argument| argument.as_expression());
    let inert = matches!(listener, Some(Expression::Identifier(_))) || listener.is_some_and(is_inert);
    on_page && member.static_property_name() == Some("addEventListener") && late && inert
}

/// Names that a statement gives to the page; none when that cannot be told.
fn declared(statement: &Statement<'_>) -> Option<Vec<String>> {
    match statement {
        Statement::FunctionDeclaration(function) => Some(vec![function.id.as_ref()?.name.to_string()]),
        Statement::ClassDeclaration(class) => Some(vec![class.id.as_ref()?.name.to_string()]),
        Statement::VariableDeclaration(variables) => names(variables),
        statement if statement.as_declaration().is_some_and(Declaration::is_typescript_syntax) => None,
        // What a block declares by `var` would be the page's as well.
        Statement::ExpressionStatement(_) | Statement::EmptyStatement(_) => Some(Vec::new()),
        _ => None,
    }
}

fn names(variables: &VariableDeclaration<'_>) -> Option<Vec<String>> {
    let name = |pattern: &BindingPattern<'_>| match pattern {
        BindingPattern::BindingIdentifier(name) => Some(name.name.to_string()),
        _ => None,
    };
    variables.declarations.iter().map(|variable| name(&variable.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_say_when_they_run() {
        let check = |script: &str, expected: Timing| assert_eq!(of(script), expected, "{script}");
        let movable = |names: &[&str]| Timing::Movable { declared: names.iter().map(ToString::to_string).collect() };
        check(
            "function a() { b(); } let c = 1; document.addEventListener('DOMContentLoaded', () => a());",
            Timing::Late,
        );
        check("window.addEventListener('load', start); function start() {}", Timing::Late);
        check("const out = document.getElementById('x'); out.textContent = marked.parse('a');", movable(&["out"]));
        check("(async () => { await fetch('x') })();", movable(&[]));
        check("class A {} function f() {} f();", movable(&["A", "f"]));
        check("document.write('x')", Timing::Fixed);
        check("if (a) { var b = 1; }", Timing::Fixed);
        check("let a = ;", Timing::Fixed);
        check("import 'x'", Timing::Fixed);
        check("", Timing::Late);
    }
}
