//! The values and contents that a key's operations speak of, each stored once.
//!
//! A list, or a string, is a node in the tree of contents: its parent is the content without the
//! last element. So equality is a comparison of numbers, and ten thousand reads of growing lists
//! share one path.

use crate::action::State;
use rustc_hash::FxHashMap;
use serde_json::Value;

/// The number of null among values.
pub(crate) const NULL: u32 = 0;
/// Stands for all values that no operation can tell from each other.
pub(crate) const OTHER: u32 = u32::MAX;
/// The content of nothing.
pub(crate) const EMPTY: u32 = 0;
/// Stands for all contents that no read begins with. No operation can tell them apart, because
/// whatever is appended to such a content, the result is again of that sort.
pub(crate) const ELSEWHERE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    symbol: u32,
    /// The child that was added last, and the sibling that was added before this one.
    child: Option<u32>,
    sibling: Option<u32>,
}

/// The values and contents of one key.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    values: Vec<Value>,
    numbers: FxHashMap<Value, u32>,
    nodes: Vec<Node>,
    children: FxHashMap<(u32, u32), u32>,
    suffixes: Vec<Vec<u32>>,
    suffix_numbers: FxHashMap<Vec<u32>, u32>,
    /// The path of the list that was read last: the next one usually begins like it.
    recent: Vec<u32>,
    /// Appending makes contents that do not exist yet, instead of [`ELSEWHERE`].
    pub(crate) growing: bool,
}

impl Space {
    pub(crate) fn new() -> Self {
        let root = Node { parent: EMPTY, symbol: NULL, child: None, sibling: None };
        Self {
            values: vec![Value::Null],
            numbers: FxHashMap::from_iter([(Value::Null, NULL)]),
            nodes: vec![root],
            children: FxHashMap::default(),
            suffixes: Vec::new(),
            suffix_numbers: FxHashMap::default(),
            recent: Vec::new(),
            growing: false,
        }
    }

    /// The number of a value.
    pub(crate) fn number(&mut self, value: &Value) -> u32 {
        if let Some(&number) = self.numbers.get(value) {
            return number;
        }
        let number = narrow(self.values.len());
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }

    pub(crate) fn known(&self, number: u32) -> Option<&Value> {
        self.values.get(number as usize)
    }

    /// The number of a suffix of symbols.
    pub(crate) fn suffix(&mut self, symbols: Vec<u32>) -> u32 {
        let next = narrow(self.suffixes.len());
        let suffixes = &mut self.suffixes;
        *self.suffix_numbers.entry(symbols).or_insert_with_key(|symbols| {
            suffixes.push(symbols.clone());
            next
        })
    }

    /// The content that consists of these elements; it is added if it is new.
    pub(crate) fn list(&mut self, items: &[Value]) -> State {
        let values = &self.values;
        let nodes = &self.nodes;
        let same =
            |&(item, &node): &(&Value, &u32)| values[nodes[node as usize].symbol as usize] == *item;
        let shared = items.iter().zip(&self.recent).take_while(same).count();
        self.recent.truncate(shared);
        let mut node = self.recent.last().copied().unwrap_or(EMPTY);
        for item in &items[shared..] {
            let symbol = self.number(item);
            node = self.child_or_new(node, symbol);
            self.recent.push(node);
        }
        State::node(node)
    }

    /// The content that consists of these characters; it is added if it is new.
    pub(crate) fn text(&mut self, text: &str) -> State {
        let node = text.chars().fold(EMPTY, |node, c| self.child_or_new(node, u32::from(c)));
        State::node(node)
    }

    fn child_or_new(&mut self, parent: u32, symbol: u32) -> u32 {
        if let Some(&child) = self.children.get(&(parent, symbol)) {
            return child;
        }
        let child = narrow(self.nodes.len());
        let sibling = self.nodes[parent as usize].child.replace(child);
        self.nodes.push(Node { parent, symbol, child: None, sibling });
        self.children.insert((parent, symbol), child);
        child
    }

    /// The content after a suffix was appended.
    pub(crate) fn appended(&mut self, state: State, suffix: u32) -> State {
        let mut node = state.low();
        for index in 0..self.suffixes[suffix as usize].len() {
            let symbol = self.suffixes[suffix as usize][index];
            if node == ELSEWHERE {
                break;
            }
            node = if self.growing {
                self.child_or_new(node, symbol)
            } else {
                self.children.get(&(node, symbol)).copied().unwrap_or(ELSEWHERE)
            };
        }
        State::node(node)
    }

    /// The content after a suffix was appended; it is added if it is new.
    pub(crate) fn with_suffix(&mut self, state: State, suffix: u32) -> State {
        let symbols = self.suffixes[suffix as usize].clone();
        let node = symbols.into_iter().fold(state.low(), |node, s| self.child_or_new(node, s));
        State::node(node)
    }

    /// The symbols that some read goes on with from here.
    pub(crate) fn continuations(&self, state: State) -> impl Iterator<Item = u32> {
        let first = self.nodes.get(state.low() as usize).and_then(|node| node.child);
        std::iter::successors(first, |&node| self.nodes[node as usize].sibling)
            .map(|node| self.nodes[node as usize].symbol)
    }

    /// The suffix as symbols.
    pub(crate) fn symbols(&self, suffix: u32) -> &[u32] {
        &self.suffixes[suffix as usize]
    }

    /// The symbols of a content, first to last.
    pub(crate) fn content(&self, state: State) -> Vec<u32> {
        let parent = |&node: &u32| (node != EMPTY).then(|| self.nodes[node as usize].parent);
        let path = std::iter::successors(Some(state.low()), parent);
        let mut symbols: Vec<_> = path
            .take_while(|&node| node != EMPTY)
            .map(|node| self.nodes[node as usize].symbol)
            .collect();
        symbols.reverse();
        symbols
    }

    /// Every element that some content has.
    pub(crate) fn elements(&self) -> impl Iterator<Item = u32> {
        self.nodes.iter().skip(1).map(|node| node.symbol)
    }
}

/// Numbers are handed out one by one, and memory ends long before four thousand million of them.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_that_begin_alike_share_their_path() {
        let mut space = Space::new();
        let long = space.list(&[json!(1), json!("b"), json!([3])]);
        let short = space.list(&[json!(1), json!("b")]);
        let other = space.list(&[json!(1), json!("c"), json!([3])]);
        assert_eq!(space.list(&[json!(1), json!("b"), json!([3])]), long);
        assert_ne!(long, other);
        let third = space.number(&json!([3]));
        let suffix = space.suffix(vec![third]);
        assert_eq!(space.appended(short, suffix), long);
        assert_eq!(space.appended(long, suffix), State::node(ELSEWHERE));
    }

    #[test]
    fn the_same_text_is_the_same_content_however_it_was_cut() {
        let mut space = Space::new();
        let whole = space.text("abcd");
        let suffix = |space: &mut Space, text: &str| {
            let symbols = text.chars().map(u32::from).collect();
            space.suffix(symbols)
        };
        let (ab, cd) = (suffix(&mut space, "ab"), suffix(&mut space, "cd"));
        let start = State::node(EMPTY);
        let half = space.appended(start, ab);
        assert_eq!(space.appended(half, cd), whole);
    }
}
