//! What was meant by a word that is spelled nearly right.

use crate::place::QUOTE;

/// The word of the language that `typed` most likely meant: at most two slips away, fewer in short
/// words.
pub(crate) fn nearest<'a>(
    typed: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let typed = letters(typed);
    let allowed = allowed(&typed)?;
    let near = candidates
        .map(|word| (distance(&typed, &word.chars().collect::<Vec<_>>()), word))
        .filter(|(slips, _)| (1..=allowed).contains(slips))
        .min();
    near.map(|(_, word)| word.to_owned())
}

/// The names that `typed` may have meant, the nearest first and `most` of them at most: those that
/// it begins, and those as near to it as a word of the language would be.
pub fn near_names<'a>(
    typed: &str,
    names: impl Iterator<Item = &'a str>,
    most: usize,
) -> Vec<String> {
    let typed = letters(typed);
    let allowed = allowed(&typed).unwrap_or(0);
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let letters = letters(name);
            let slips = distance(&typed, &letters);
            (slips <= allowed || letters.starts_with(&typed)).then_some((slips, name))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(most).map(|(_, name)| name.to_owned()).collect()
}

/// A word as it is compared: no longer than it would be shown.
fn letters(word: &str) -> Vec<char> {
    word.to_ascii_lowercase().chars().take(QUOTE).collect()
}

/// How many slips there may be in a word; `None` for one that is too short to tell.
fn allowed(typed: &[char]) -> Option<usize> {
    match typed.len() {
        0..=2 => None,
        3..=4 => Some(1),
        _ => Some(2),
    }
}

/// Slips between two words: characters added, lost, changed, or two swapped.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut two_back = vec![0; b.len() + 1];
    let mut back: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (back[j] + usize::from(x != y)).min(back[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(two_back[j - 1] + 1);
            }
            row.push(least);
        }
        two_back = std::mem::replace(&mut back, row);
    }
    back[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let words = ["address", "aaa", "lifetime", "maximum"];
        let near = |typed| nearest(typed, words.into_iter());
        assert_eq!(near("adress").as_deref(), Some("address"));
        assert_eq!(near("lifteime").as_deref(), Some("lifetime"));
        assert_eq!(near("MAXMUM").as_deref(), Some("maximum"));
        assert_eq!(near("interface"), None);
        assert_eq!(near("a"), None);
    }

    #[test]
    fn names_that_are_near_or_go_on_are_found_whatever_their_case() {
        let names = ["CUST1", "CUST2", "CUSTOMER-17", "zebra"];
        let near = |typed, most| near_names(typed, names.into_iter(), most);
        assert_eq!(near("cust1", 8), ["CUST1", "CUST2"]);
        assert_eq!(near("CSUT2", 8), ["CUST2", "CUST1"]);
        assert_eq!(near("cust", 8), ["CUST1", "CUST2", "CUSTOMER-17"]);
        assert_eq!(near("cust", 1), ["CUST1"]);
        assert_eq!(near("nobody", 8), [""; 0]);
    }
}
