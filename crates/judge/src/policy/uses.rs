//! Which rules use which: what is reached from the rules that are asked, and that nothing comes back to itself.
//!
//! What a name means is overestimated: a local variable with the name of a rule counts as a use of it, and a reference
//! that is computed (`data.a[x]`) as a use of everything below. A circle that is overlooked would end the process.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Literal, LiteralStmt, Span};

use super::file::{Definition, File, Shape};
use super::limits;
use super::problem::{Place, Problem};
use super::tree::{self, Step, Visitor};

/// A definition: the file's number, and its own within the file.
pub(super) type Id = (usize, usize);
/// A rule: its package and its name.
type Path = Vec<String>;

/// The rules that each rule uses.
type Graph<'a> = BTreeMap<&'a Path, BTreeSet<&'a Path>>;
/// How long the chain below each rule is, and how often it may be tried.
type Levels<'a> = BTreeMap<&'a Path, (usize, usize)>;

/// The rules of all files, and how they are tied.
pub(super) struct Uses<'a> {
    files: &'a [File],
    rules: BTreeMap<Path, Vec<Id>>,
    names: BTreeMap<Id, BTreeSet<Path>>,
    /// Whether there are more uses than are followed.
    crowded: bool,
}

/// The names that the imports of a file give: `import data.a.b as c` is `c` for `data.a.b`.
pub(super) fn imports(file: &File) -> BTreeMap<String, Vec<String>> {
    let imports = file.module.imports.iter().filter_map(|import| {
        let (path, _) = tree::names(&import.refr)?;
        let alias =
            import.r#as.as_ref().map(|alias| alias.text().to_owned()).or_else(|| path.last().cloned())?;
        Some((alias, path))
    });
    imports.filter(|(_, path)| path.first().is_some_and(|root| root == "data" || root == "input")).collect()
}

/// The path of a rule.
fn path(file: &File, definition: &Definition) -> Path {
    file.package.iter().chain(&definition.name).cloned().collect()
}

impl<'a> Uses<'a> {
    /// Reads the rules of `files`; tests are left out.
    pub(super) fn of(files: &'a [File]) -> Self {
        let mut rules: BTreeMap<Path, Vec<Id>> = BTreeMap::new();
        for (number, file) in files.iter().enumerate().filter(|(_, file)| !file.is_test()) {
            for (at, definition) in file.definitions.iter().enumerate() {
                rules.entry(path(file, definition)).or_default().push((number, at));
            }
        }
        let mut all = Self { files, rules, names: BTreeMap::new(), crowded: false };
        let mut ties = 0;
        for (number, file) in files.iter().enumerate().filter(|(_, file)| !file.is_test()) {
            let imports = imports(file);
            for (at, definition) in file.definitions.iter().enumerate() {
                let mut found = Names { file, imports: &imports, paths: BTreeSet::new() };
                tree::rule(&definition.rule, &mut found);
                // All of `data` is the rule itself, too.
                let own = path(file, definition);
                let named = |name: Path| if name.is_empty() { vec![own.clone()] } else { all.named(&name) };
                let used: BTreeSet<Path> = found.paths.into_iter().flat_map(named).collect();
                ties += used.len();
                if ties > limits::TIES {
                    all.crowded = true;
                    return all;
                }
                all.names.insert((number, at), used);
            }
        }
        all
    }

    pub(super) fn definition(&self, id: Id) -> Option<(&'a File, &'a Definition)> {
        let file = self.files.get(id.0)?;
        Some((file, file.definitions.get(id.1)?))
    }

    /// The definitions of the rule `path`.
    pub(super) fn defined(&self, path: &[String]) -> &[Id] {
        self.rules.get(path).map_or(&[], Vec::as_slice)
    }

    /// The rules that a reference to `name` may mean: the rule itself, what is below it, and what it is a part of.
    fn named(&self, name: &Path) -> Vec<Path> {
        let below = self.rules.range(name.clone()..).map(|(path, _)| path);
        let mut found: Vec<Path> = below.take_while(|path| path.starts_with(name)).cloned().collect();
        for length in 1..name.len() {
            let above = name.get(..length).unwrap_or_default();
            found.extend(self.rules.get_key_value(above).map(|(path, _)| path.clone()));
        }
        found
    }

    /// Whether `name` is that of a function or rule, as seen from `file`.
    pub(super) fn function(&self, file: &File, name: &[String]) -> Option<&[Id]> {
        let ids = meanings(file, &imports(file), name).into_iter().find_map(|path| self.rules.get(&path))?;
        ids.iter().any(|id| self.definition(*id).is_some_and(is_function)).then_some(ids)
    }

    /// Whether a reference that begins with `data`, or with an import of it, leads to a rule or package.
    pub(super) fn leads(&self, file: &File, name: &[String]) -> bool {
        let path = match name.split_first() {
            Some((root, rest)) if root == "data" => rest.to_vec(),
            Some((root, rest)) => match imports(file).get(root) {
                Some(path) if path.first().is_some_and(|root| root == "data") => {
                    path.iter().skip(1).chain(rest).cloned().collect()
                }
                _ => return true,
            },
            None => return true,
        };
        !self.named(&path).is_empty()
    }

    /// Everything that the definitions `from` reach, themselves included.
    pub(super) fn reached(&self, from: impl Iterator<Item = Id>) -> BTreeSet<Id> {
        let mut waiting: Vec<Id> = from.collect();
        let mut reached: BTreeSet<Id> = waiting.iter().copied().collect();
        while let Some(id) = waiting.pop() {
            for path in self.names.get(&id).into_iter().flatten() {
                // A default belongs to the rule whose definitions are used.
                waiting.extend(self.rules.get(path).into_iter().flatten().filter(|id| reached.insert(**id)));
            }
        }
        reached
    }

    /// The rules that each rule uses.
    fn graph(&self) -> Graph<'_> {
        let used = |ids: &[Id]| ids.iter().filter_map(|id| self.names.get(id)).flatten().collect();
        self.rules.iter().map(|(path, ids)| (path, used(ids))).collect()
    }

    /// Whether a rule may come back to itself.
    pub(super) fn circled(&self) -> bool {
        !self.crowded && !self.levels().1.is_empty()
    }

    /// How long the chain of rules below each rule is, and how often it may be tried; and the rules from which a circle is
    /// reached.
    fn levels(&self) -> (Levels<'_>, Graph<'_>) {
        let mut graph = self.graph();
        let mut users: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
        for (path, used) in &graph {
            for one in used {
                users.entry(one).or_default().push(path);
            }
        }
        let mut levels = Levels::new();
        let mut open: BTreeMap<&Path, usize> = graph.iter().map(|(path, used)| (*path, used.len())).collect();
        let mut ready: Vec<&Path> =
            open.iter().filter(|(_, open)| **open == 0).map(|(path, _)| *path).collect();
        while let Some(path) = ready.pop() {
            let used = graph.remove(path).unwrap_or_default();
            let below = used.iter().filter_map(|path| levels.get(path));
            let (long, tries) =
                below.fold((0, 1), |(long, tries), found| (long.max(found.0), tries.max(found.1)));
            levels.insert(path, (long + 1, tries.saturating_mul(self.tries(path))));
            for user in users.get(path).into_iter().flatten() {
                if let Some(open) = open.get_mut(user) {
                    *open -= 1;
                    if *open == 0 {
                        ready.push(user);
                    }
                }
            }
        }
        (levels, graph)
    }

    /// A rule that comes back to itself, or a chain of rules that is too long.
    pub(super) fn circles(&self) -> Vec<Problem> {
        if self.crowded {
            let what = format!("the rules use each other in more than {} ways", limits::TIES);
            return vec![Problem::new(
                "limit",
                Place::file("policies"),
                what,
                "write fewer rules".to_owned(),
            )];
        }
        let (levels, circled) = self.levels();
        if let Some(path) = circle(&circled) {
            return vec![self.circle(path)];
        }
        let long = levels.iter().find(|(_, (long, _))| *long > limits::CHAIN).map(|(path, _)| {
            self.limit(path, format!("more than {} rules use each other in a chain", limits::CHAIN))
        });
        let tries = levels.iter().find(|(_, (_, tries))| *tries > limits::TRIES).map(|(path, _)| {
            let what =
                format!("functions that call each other have more than {} ways together", limits::TRIES);
            self.limit(path, what)
        });
        long.or(tries).into_iter().collect()
    }

    /// How many definitions a function has.
    fn tries(&self, path: &Path) -> usize {
        let ids = self.rules.get(path).into_iter().flatten();
        ids.filter(|id| self.definition(**id).is_some_and(is_function)).count().max(1)
    }

    fn place(&self, path: &Path) -> Place {
        let id = self.rules.get(path).and_then(|ids| ids.first());
        let found = id.and_then(|id| self.definition(*id));
        found.map_or_else(|| Place::file("policies"), |(_, definition)| definition.place.clone())
    }

    fn circle(&self, path: &Path) -> Problem {
        let name = path.last().cloned().unwrap_or_default();
        let what = format!(
            "the rule `{name}` comes back to itself: rules may not call each other in a circle, and a variable needs another name than a rule that leads here"
        );
        let fix = "take the circle apart, or rename the variable".to_owned();
        Problem::new("circle", self.place(path), what, fix)
    }

    fn limit(&self, path: &Path, what: String) -> Problem {
        Problem::new("limit", self.place(path), what, "write fewer rules, each of which does more".to_owned())
    }
}

fn is_function((_, definition): (&File, &Definition)) -> bool {
    definition.shape == Shape::Function
        || matches!(definition.rule.as_ref(), regorus::unstable::Rule::Default { args, .. } if !args.is_empty())
}

/// The first rule of a circle. Each of `left` uses another of them, so following them ends in one.
fn circle<'a>(left: &Graph<'a>) -> Option<&'a Path> {
    let mut path = *left.keys().next()?;
    let mut seen = Vec::new();
    while !seen.contains(&path) && seen.len() <= left.len() {
        seen.push(path);
        path = left.get(path)?.iter().find(|used| left.contains_key(*used))?;
    }
    seen.into_iter().skip_while(|one| *one != path).min()
}

/// The rules that `name` may mean in `file`.
fn meanings(file: &File, imports: &BTreeMap<String, Vec<String>>, name: &[String]) -> Vec<Path> {
    let Some((root, rest)) = name.split_first() else { return vec![] };
    let mut found = Vec::new();
    if root == "data" {
        found.push(rest.to_vec());
    }
    if let Some(path) = imports.get(root).filter(|path| path.first().is_some_and(|root| root == "data")) {
        found.push(path.iter().skip(1).chain(rest).cloned().collect());
    }
    found.push(file.package.iter().chain(name).cloned().collect());
    found
}

/// The names that a rule mentions, as paths of rules.
struct Names<'a> {
    file: &'a File,
    imports: &'a BTreeMap<String, Vec<String>>,
    paths: BTreeSet<Path>,
}

impl Names<'_> {
    fn add(&mut self, name: &[String]) {
        self.paths.extend(meanings(self.file, self.imports, name));
    }

    fn binding(&mut self, span: &Span) {
        self.add(&[span.text().to_owned()]);
    }
}

impl<'a> Visitor<'a> for Names<'_> {
    fn reference(&mut self, whole: &'a Expr, _base: &'a Expr, _steps: &[Step<'a>]) {
        if let Some((name, _)) = tree::names(whole) {
            self.add(&name);
        }
    }

    fn call(&mut self, _whole: &'a Expr, function: &'a Expr, _arguments: usize) {
        if let Some((name, _)) = tree::names(function) {
            self.add(&name);
        }
    }

    fn statement(&mut self, statement: &'a LiteralStmt) {
        match &statement.literal {
            Literal::SomeVars { vars, .. } => {
                for span in vars {
                    self.binding(span);
                }
            }
            Literal::Every { key, value, .. } => {
                for span in key.iter().chain([value]) {
                    self.binding(span);
                }
            }
            _ => {}
        }
    }
}
