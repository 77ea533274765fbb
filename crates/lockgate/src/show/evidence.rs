//! Prints evidence: what is there, and what was seen and is gone.

use lockgate_engine::evidence::{Pieces, State};
use lockgate_judge::Signed;

use super::table::table;

/// Prints the evidence of an image.
pub fn evidence(pieces: &Pieces) {
    say!("{}", pieces.artifact);
    if pieces.evidence.is_empty() {
        say!("No evidence is attached, and none was seen.");
    } else {
        let what = |signed: &Signed| format!("{} by {}", signed.what, signed.by.join(", "));
        let rows = pieces.evidence.iter().map(|piece| {
            let mut state = match piece.state {
                State::Attached => "attached".to_owned(),
                State::Gone => "gone".to_owned(),
                State::Forgotten => "forgotten".to_owned(),
            };
            if let Some(at) = piece.last_seen.filter(|_| piece.state != State::Attached) {
                state.push_str(&format!(", last seen {at}"));
            }
            let said: Vec<_> = piece.signed.iter().map(what).collect();
            let said =
                if said.is_empty() { "nothing that a known signer made".to_owned() } else { said.join("; ") };
            // The digest is last: whoever forgets one gives it whole, and no other column is printed uncut.
            vec![state, said, piece.evidence.to_string()]
        });
        let rows: Vec<_> = rows.collect();
        table(&["state", "what", "evidence"], &rows);
    }
    for one in &pieces.unread {
        say!("not read: {one}");
    }
}
