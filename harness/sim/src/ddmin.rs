//! Leaving things out of a list while a property of it stays (Zeller & Hildebrandt 2002, "ddmin").

/// Leaves out as many items as it can, in chunks of half the list first and one by one last.
/// `holds` says whether the property holds of a shorter list; the order of items stays.
pub(crate) fn ddmin<T: Clone>(items: &[T], holds: &mut impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut kept = items.to_vec();
    let mut chunk = kept.len();
    while chunk > 0 {
        let mut at = 0;
        while at < kept.len() {
            let end = (at + chunk).min(kept.len());
            let shorter = [&kept[..at], &kept[end..]].concat();
            if holds(&shorter) {
                kept = shorter;
            } else {
                at = end;
            }
        }
        chunk /= 2;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_needed_stays_and_nothing_else(needed in proptest::collection::btree_set(0_u32..200, 0..6)) {
            let all: Vec<u32> = (0..200).collect();
            let kept = ddmin(&all, &mut |list| needed.iter().all(|item| list.contains(item)));
            prop_assert_eq!(kept, needed.into_iter().collect::<Vec<_>>());
        }
    }
}
