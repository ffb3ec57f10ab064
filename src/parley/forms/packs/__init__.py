"""The form packs that come with Parley: data, each in a folder of its own."""
