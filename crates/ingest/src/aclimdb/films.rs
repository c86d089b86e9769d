//! Finds the film of a review in line `id + 1` of `urls_*.txt`.

use super::member::{PARTS, Part};

/// The films of each part, by review id. About 100,000 ids of ten bytes are kept in memory, because the
/// lists may come after the reviews.
#[derive(Default)]
pub(super) struct Films {
    lists: [Vec<Box<str>>; PARTS.len()],
}

impl Films {
    /// Reads the content of `urls_*.txt`.
    pub(super) fn insert(&mut self, part: Part, text: &str) {
        self.lists[part as usize] = text.lines().map(|line| film_id(line).into()).collect();
    }

    /// The film of a review; `None` if the list is missing, too short, or empty in that line.
    pub(super) fn film(&self, part: Part, id: u64) -> Option<&str> {
        let position = usize::try_from(id).ok()?;
        let film = self.lists[part as usize].get(position)?;
        Some(&**film).filter(|film| !film.is_empty())
    }
}

/// Returns `tt0064354` for `http://www.imdb.com/title/tt0064354/usercomments`, and any other address
/// unchanged.
fn film_id(line: &str) -> &str {
    let line = line.trim();
    let Some((_, rest)) = line.split_once("/title/") else {
        return line;
    };
    let id = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if id.is_empty() { line } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn film_ids_are_found_in_addresses() {
        let check = |line: &str, expected: &str| assert_eq!(film_id(line), expected);
        check(
            "http://www.imdb.com/title/tt0064354/usercomments",
            "tt0064354",
        );
        check("https://www.imdb.com/title/tt1/", "tt1");
        check("https://www.imdb.com/title/tt2?ref=x", "tt2");
        check("  http://example.org/film/7 ", "http://example.org/film/7");
        check("http://www.imdb.com/title/", "http://www.imdb.com/title/");
        check("", "");
    }

    #[test]
    fn the_review_id_selects_a_line() {
        let mut films = Films::default();
        films.insert(
            Part::TestPositive,
            "http://x/title/tt1/\r\nhttp://x/title/tt2/\n\nhttp://x/title/tt4/",
        );
        let found: Vec<_> = (0..5)
            .map(|id| films.film(Part::TestPositive, id))
            .collect();
        assert_eq!(found, [Some("tt1"), Some("tt2"), None, Some("tt4"), None]);
        assert_eq!(films.film(Part::TestNegative, 0), None);
        assert_eq!(films.film(Part::TestPositive, u64::MAX), None);
    }
}
