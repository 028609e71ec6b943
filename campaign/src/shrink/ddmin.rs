//! Delta debugging: a list from which nothing can be left out.

/// Makes `best` smaller as long as `is_it` says of a part that it still does what the whole does. Whatever
/// happens, `best` is the smallest list so far of which it was said.
///
/// The result is 1-minimal (no single item can be left out), and the same every time.
///
/// # Errors
/// What `is_it` gives: the search ends there.
pub(super) fn ddmin<T: Clone, E>(
    best: &mut Vec<T>,
    is_it: &mut dyn FnMut(&[T]) -> Result<bool, E>,
) -> Result<(), E> {
    let mut pieces = 2;
    while !best.is_empty() {
        match smaller(best, pieces, is_it)? {
            Some(found) => {
                *best = found;
                pieces = pieces.saturating_sub(1).max(2);
            }
            None if pieces >= best.len() => return Ok(()),
            None => pieces = (pieces * 2).min(best.len()),
        }
    }
    Ok(())
}

/// The list without one of its pieces, if that is enough.
fn smaller<T: Clone, E>(
    list: &[T],
    pieces: usize,
    is_it: &mut dyn FnMut(&[T]) -> Result<bool, E>,
) -> Result<Option<Vec<T>>, E> {
    let size = list.len().div_ceil(pieces).max(1);
    for start in (0..list.len()).step_by(size) {
        let end = (start + size).min(list.len());
        let rest: Vec<T> = [&list[..start], &list[end..]].concat();
        if is_it(&rest)? {
            return Ok(Some(rest));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shrunk(needed: &[u32], from: u32) -> (Vec<u32>, u32) {
        let mut best: Vec<u32> = (0..from).collect();
        let mut runs = 0;
        let mut is_it = |list: &[u32]| {
            runs += 1;
            Ok::<_, ()>(needed.iter().all(|item| list.contains(item)))
        };
        ddmin(&mut best, &mut is_it).expect("nothing fails");
        (best, runs)
    }

    #[test]
    fn exactly_what_is_needed_is_left() {
        for needed in [&[][..], &[0], &[99], &[3, 50], &[0, 1, 2, 97, 98, 99]] {
            let (best, runs) = shrunk(needed, 100);
            assert_eq!(best, needed);
            assert!(runs < 300, "{runs} runs for {needed:?}");
        }
    }

    #[test]
    fn a_search_that_is_cut_off_leaves_the_best_so_far() {
        let mut best: Vec<u32> = (0..64).collect();
        let mut left = 3;
        let mut is_it = |list: &[u32]| {
            left -= 1;
            if left == 0 { Err("out of time") } else { Ok(list.contains(&63)) }
        };
        ddmin(&mut best, &mut is_it).expect_err("it is cut off");
        assert!(best.len() < 64 && best.contains(&63), "{best:?}");
    }
}
