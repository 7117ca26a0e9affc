//! Unpacks and loads the native plugins of a release.
