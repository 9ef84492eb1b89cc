"""What every test may ask for: a database and a broker of this run."""

pytest_plugins = [
    "tests.fixtures.exploring",
    "tests.fixtures.test_run",
    "tests.fixtures.postgres",
    "tests.fixtures.rabbitmq",
    "tests.fixtures.processes",
]
