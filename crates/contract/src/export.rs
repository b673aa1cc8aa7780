use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};

use ts_rs::{Config, TS, TypeVisitor};

use crate::command::{roots, signatures};

#[derive(Default)]
struct Declarations {
    seen: HashSet<TypeId>,
    by_name: BTreeMap<String, String>,
    config: Config,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // Only our own types have a file of their own; the rest (string, Array, …) are written in place.
        if T::output_path().is_some() {
            self.by_name.insert(T::ident(&self.config), T::decl(&self.config));
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// The whole contract as one TypeScript module.
pub fn typescript() -> String {
    let mut declarations = Declarations::default();
    roots(&mut declarations);
    let mut out = String::from("// Written by `cargo test -p clara-contract`. Do not edit.\n\n");
    for declaration in declarations.by_name.values() {
        out.push_str("export ");
        out.push_str(declaration);
        out.push('\n');
    }
    out.push_str("\n/** Every command: its request and its answer. */\nexport type Commands = {\n");
    for (name, request, answer) in signatures(&declarations.config) {
        out.push_str(&format!("  {name}: [{request}, {answer}];\n"));
    }
    out.push_str("};\n");
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Writes the file; CI fails where that makes a difference.
    #[test]
    fn the_typescript_of_the_contract_is_written() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/generated/contract.ts");
        let text = typescript();
        assert!(text.contains("export type Today"), "views reach the file");
        assert!(text.contains("today: [Empty, Today]"), "commands reach the file");
        assert!(text.contains("export type Verdict"), "types of the domain reach the file");
        if std::fs::read_to_string(path).ok().as_deref() != Some(text.as_str()) {
            std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
}
