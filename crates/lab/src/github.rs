//! The part of GitHub that a publication needs: repositories, git data, refs and Pages.
