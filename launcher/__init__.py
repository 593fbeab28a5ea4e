"""The command line of Anban: embedded servers, supervised processes, the demo and the tests."""
