//! One script by itself: does it parse, which names does it declare, and which does it take from elsewhere?

use std::collections::HashSet;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    BinaryExpression, CallExpression, Expression, IdentifierReference, StaticMemberExpression, UnaryExpression,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_semantic::{Scoping, SemanticBuilder};
use oxc_span::GetSpan;

use crate::script::{Flavour, can_be_parsed, on_deep_stack};
use crate::text::line_at;

/// The first thing that is wrong with a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// From 1.
    pub(super) line: u32,
    pub(super) message: String,
}

/// A script that parses.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// At its top, which other classic scripts of the page see.
    pub(super) declared: HashSet<String>,
    /// Made properties of the window, or looked for there: whoever does that knows that they may not be there.
    pub(super) given: HashSet<String>,
    /// Taken from elsewhere, each with the place of its first use in bytes.
    pub(super) used: Vec<(String, usize)>,
    /// Whether it may bring in scripts that nobody else names.
    pub(super) loads_others: bool,
}

/// Reads a script; none when it is too long or too deep to be parsed.
pub(super) fn read(source: &str, flavour: Flavour) -> Option<Result<Names, SyntaxError>> {
    if !can_be_parsed(source) {
        return None;
    }
    on_deep_stack(|| {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, flavour.source_type()).parse();
        if let Some(first) = parsed.diagnostics.into_iter().next() {
            let offset = first.labels.first().map_or(0, |label| label.span().start as usize);
            return Err(SyntaxError { line: line_at(source, offset), message: first.to_string() });
        }
        // The parser reads these in any script and leaves the complaint to later passes.
        let misplaced = parsed.program.body.iter().find(|statement| statement.is_module_declaration());
        if let Some(misplaced) = misplaced.filter(|_| flavour == Flavour::Classic) {
            let message = "import and export need <script type=\"module\">".to_owned();
            return Err(SyntaxError { line: line_at(source, misplaced.span().start as usize), message });
        }
        let analysed = SemanticBuilder::new_compiler().build(&parsed.program);
        if let Some(first) = analysed.diagnostics.into_iter().next() {
            let offset = first.labels.first().map_or(0, |label| label.span().start as usize);
            return Err(SyntaxError { line: line_at(source, offset), message: first.to_string() });
        }
        let scoping = analysed.semantic.scoping();
        let mut search = Search { scoping, flavour, names: Names::default(), seen: HashSet::new() };
        search.names.declared =
            scoping.iter_bindings_in(scoping.root_scope_id()).map(|id| scoping.symbol_name(id).to_owned()).collect();
        search.visit_program(&parsed.program);
        Ok(search.names)
    })
}

struct Search<'s> {
    scoping: &'s Scoping,
    flavour: Flavour,
    names: Names,
    seen: HashSet<String>,
}

impl<'a> Visit<'a> for Search<'_> {
    fn visit_identifier_reference(&mut self, reference: &IdentifierReference<'a>) {
        let known = self.scoping.get_reference(reference.reference_id());
        if known.symbol_id().is_some() {
            return;
        }
        let name = reference.name.as_str();
        if !known.flags().is_read() && self.flavour == Flavour::Classic {
            // Assigning to a name that nobody declares declares it.
            self.names.given.insert(name.to_owned());
        } else if self.seen.insert(name.to_owned()) {
            self.names.used.push((name.to_owned(), reference.span.start as usize));
        }
    }

    fn visit_unary_expression(&mut self, unary: &UnaryExpression<'a>) {
        if unary.operator.is_typeof()
            && let Expression::Identifier(name) = unary.argument.without_parentheses()
        {
            self.names.given.insert(name.name.to_string());
        }
        walk::walk_unary_expression(self, unary);
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        if let Expression::Identifier(object) = &member.object
            && matches!(object.name.as_str(), "window" | "self" | "globalThis" | "top" | "parent")
        {
            self.names.given.insert(member.property.name.to_string());
        }
        walk::walk_static_member_expression(self, member);
    }

    fn visit_binary_expression(&mut self, binary: &BinaryExpression<'a>) {
        if binary.operator.is_in()
            && let Expression::StringLiteral(name) = &binary.left
        {
            self.names.given.insert(name.value.to_string());
        }
        walk::walk_binary_expression(self, binary);
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        let called = match &call.callee {
            Expression::Identifier(name) => name.name.as_str(),
            Expression::StaticMemberExpression(member) => member.property.name.as_str(),
            _ => "",
        };
        let first = call.arguments.first().and_then(|argument| argument.as_expression());
        let makes_script = called == "createElement"
            && matches!(first, Some(Expression::StringLiteral(tag)) if tag.value.eq_ignore_ascii_case("script"));
        self.names.loads_others |= makes_script || matches!(called, "eval" | "importScripts" | "write" | "getScript");
        walk::walk_call_expression(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_has_its_line() {
        let check = |source: &str, flavour, line: Option<u32>| {
            let found = read(source, flavour).unwrap().err();
            assert_eq!(found.map(|error| error.line), line, "{source:?}");
        };
        check("const a = 1;\nlet b = ;", Flavour::Classic, Some(2));
        check("const a = 1;", Flavour::Classic, None);
        check("import x from './x.js';\nexport default x;", Flavour::Module, None);
        check("import x from './x.js';", Flavour::Classic, Some(1));
        check("await fetch('x')", Flavour::Module, None);
        check("", Flavour::Classic, None);
        check("\u{0}\u{feff}<!-- x", Flavour::Classic, Some(1));
        check("let a;\nlet a;", Flavour::Classic, Some(1));
        check("function f() { break; }", Flavour::Classic, Some(1));
        check("return 1;", Flavour::Classic, Some(1));
        check("var a; var a; function f(b, b) {}", Flavour::Classic, None);
        check("'use strict';\nwith (a) {}", Flavour::Classic, Some(2));
    }

    #[test]
    fn names_are_told_apart() {
        let check = |source: &str, flavour, declared: &[&str], used: &[&str]| {
            let names = read(source, flavour).unwrap().unwrap();
            let mut found: Vec<_> = names.declared.iter().map(String::as_str).collect();
            found.sort_unstable();
            let free: Vec<_> =
                names.used.iter().map(|(name, _)| name.as_str()).filter(|name| !names.given.contains(*name)).collect();
            assert_eq!((found.as_slice(), free.as_slice()), (declared, used), "{source}");
        };
        check("const a = b; function c(d) { return d + e; }", Flavour::Classic, &["a", "c"], &["b", "e"]);
        check("x = 1; window.y = 2; x + y; typeof z === 'u' ? 0 : z", Flavour::Classic, &[], &["window"]);
        check("x = 1", Flavour::Module, &[], &["x"]);
        check("import { a } from './a.js'; a(b)", Flavour::Module, &["a"], &["b"]);
        check("if ('q' in window) q()", Flavour::Classic, &[], &["window"]);
        assert!(read("document.createElement('script')", Flavour::Classic).unwrap().unwrap().loads_others);
    }

    #[test]
    fn no_script_overflows_the_parser() {
        for part in ["(", "[", "{", "!", "a=>", "a?", "`${", "new ", "if(a)", "-", "async()=>{", "<", "a.b(", "a**"] {
            let source = part.repeat(100_000 / part.len());
            let _ = read(&source, Flavour::Module);
        }
    }
}
