//! How much a model is shown, and who gets how much of it.

/// The usual rule of thumb for English and code.
const CHARS_PER_TOKEN: usize = 4;

/// Characters that fit into `tokens`.
pub(super) fn chars(tokens: usize) -> usize {
    tokens.saturating_mul(CHARS_PER_TOKEN)
}

/// What each of several wants gets of `room`, so that small ones are met whole and no large one gets
/// less than another (max-min fairness).
pub(super) fn shares(wants: &[usize], room: usize) -> Vec<usize> {
    let mut smallest_first: Vec<usize> = (0..wants.len()).collect();
    smallest_first.sort_by_key(|index| wants[*index]);
    let (mut shares, mut left) = (vec![0; wants.len()], room);
    for (served, index) in smallest_first.into_iter().enumerate() {
        let fair = left / (wants.len() - served);
        shares[index] = wants[index].min(fair);
        left -= shares[index];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_wants_are_met_whole_and_large_ones_share_the_rest() {
        for (wants, room, expected) in [
            (&[10, 20, 30][..], 100, &[10, 20, 30][..]),
            (&[10, 200, 300], 100, &[10, 45, 45]),
            (&[1000, 10, 1000], 30, &[10, 10, 10]),
            (&[5, 5], 0, &[0, 0]),
            (&[], 100, &[]),
        ] {
            assert_eq!(shares(wants, room), expected, "{wants:?} of {room}");
        }
        assert_eq!(chars(1000), 4000);
        assert_eq!(chars(usize::MAX), usize::MAX);
    }
}
