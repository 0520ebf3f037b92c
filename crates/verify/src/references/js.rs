//! Paths in scripts: imports, `fetch` and its like, and other texts that may be one.

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, BinaryExpression, CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression,
    ImportDeclaration, ImportExpression, NewExpression, StringLiteral, TemplateLiteral,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::Span;

use super::{Kind, Reference};
use crate::script::{Flavour, can_be_parsed, on_deep_stack};

/// Functions and classes whose first argument is a URL.
const LOADERS: [&str; 6] = ["fetch", "importScripts", "Worker", "SharedWorker", "EventSource", "Request"];

/// A file with `import` or `export` at the begin of a line is a module; all else may be read as a classic script.
pub(super) fn flavour(text: &str) -> Flavour {
    let is_module = |line: &str| {
        ["import", "export"].iter().any(|word| {
            line.trim_start().strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '{', '*', '\'', '"']))
        })
    };
    if text.lines().any(is_module) { Flavour::Module } else { Flavour::Classic }
}

/// None of a script that does not parse: nothing is changed in it before somebody mends it.
pub(super) fn references(text: &str, flavour: Flavour) -> Vec<Reference> {
    if !text.contains(['\'', '"', '`']) || !can_be_parsed(text) {
        return Vec::new();
    }
    on_deep_stack(|| {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, text, flavour.source_type()).parse();
        let mut search = Search { text, found: Vec::new(), next: Kind::Text, compared: 0 };
        if parsed.diagnostics.is_empty() {
            search.visit_program(&parsed.program);
        }
        search.found
    })
    .unwrap_or_default()
}

struct Search<'t> {
    text: &'t str,
    found: Vec<Reference>,
    /// Of the next literal.
    next: Kind,
    /// Comparisons that the walk is inside of: what is compared is no address to be followed.
    compared: usize,
}

impl Search<'_> {
    /// A literal that is written as it reads.
    fn literal(&mut self, span: Span, value: &str) {
        let kind = std::mem::replace(&mut self.next, Kind::Text);
        let at = span.start as usize + 1..(span.end as usize).saturating_sub(1);
        if self.compared == 0 && self.text.get(at.clone()) == Some(value) {
            self.found.push(Reference { at, target: value.to_owned(), kind });
        }
    }

    /// Notes what the first argument after `callee` is.
    fn calls(&mut self, callee: &Expression<'_>, first: Option<&Argument<'_>>) {
        let loads = matches!(callee, Expression::Identifier(name) if LOADERS.contains(&name.name.as_str()));
        let literal = matches!(first, Some(Argument::StringLiteral(_) | Argument::TemplateLiteral(_)));
        self.next = if loads && literal { Kind::Fetch } else { Kind::Text };
    }
}

impl<'a> Visit<'a> for Search<'_> {
    fn visit_string_literal(&mut self, literal: &StringLiteral<'a>) {
        self.literal(literal.span, literal.value.as_str());
    }

    fn visit_template_literal(&mut self, literal: &TemplateLiteral<'a>) {
        match literal.quasis.as_slice() {
            [only] => self.literal(literal.span, only.value.raw.as_str()),
            _ => {
                self.next = Kind::Text;
                walk::walk_template_literal(self, literal);
            }
        }
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        self.visit_expression(&call.callee);
        self.calls(&call.callee, call.arguments.first());
        self.visit_arguments(&call.arguments);
        self.next = Kind::Text;
    }

    fn visit_new_expression(&mut self, new: &NewExpression<'a>) {
        self.visit_expression(&new.callee);
        self.calls(&new.callee, new.arguments.first());
        self.visit_arguments(&new.arguments);
        self.next = Kind::Text;
    }

    fn visit_binary_expression(&mut self, binary: &BinaryExpression<'a>) {
        self.next = Kind::Text;
        let compares = usize::from(binary.operator.is_equality() || binary.operator.is_compare());
        self.compared += compares;
        walk::walk_binary_expression(self, binary);
        self.compared -= compares;
    }

    fn visit_import_declaration(&mut self, import: &ImportDeclaration<'a>) {
        self.next = Kind::Import;
        self.visit_string_literal(&import.source);
    }

    fn visit_export_all_declaration(&mut self, export: &ExportAllDeclaration<'a>) {
        self.next = Kind::Import;
        self.visit_string_literal(&export.source);
    }

    fn visit_export_from_declaration(&mut self, export: &ExportFromDeclaration<'a>) {
        self.next = Kind::Import;
        self.visit_string_literal(&export.source);
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        if matches!(import.source, Expression::StringLiteral(_) | Expression::TemplateLiteral(_)) {
            self.next = Kind::Import;
        }
        self.visit_expression(&import.source);
        self.next = Kind::Text;
    }
}
