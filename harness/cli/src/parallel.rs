//! The same work on many items, several at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does the work on every item, on so many threads, and answers what came of it in the order of the items.
///
/// # Errors
/// That of the first item that fails. When one has failed no further item is begun.
pub(crate) fn in_order<T: Sync, R: Send, E: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let work_through = || {
        while let Some((number, item)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            items.get(number).map(|item| (number, item))
        } {
            let result = work(item);
            if result.is_err() {
                next.store(items.len(), Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
        }
    };
    thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(work_through)));
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        for threads in [1, 2, 7] {
            let squares = in_order(threads, &items, |item| Ok::<_, ()>(item * item)).unwrap();
            assert!(squares.iter().zip(&items).all(|(square, item)| *square == item * item));
            assert_eq!(squares.len(), items.len());
        }
    }

    #[test]
    fn an_error_is_told_and_no_further_item_is_begun() {
        let begun = AtomicUsize::new(0);
        let failed = in_order(1, &[1, 2, 3, 4], |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 2 { Err(*item) } else { Ok(*item) }
        });
        assert_eq!((failed, begun.into_inner()), (Err(2), 2));
    }
}
