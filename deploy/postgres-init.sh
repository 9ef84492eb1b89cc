#!/bin/sh
# Runs once, when the database folder is new: the migrator's role and its database.
set -eu
psql --set=ON_ERROR_STOP=1 --username postgres --set=password="$(cat /run/secrets/owner_password)" <<'SQL'
CREATE ROLE qm_owner LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE quartermaster OWNER qm_owner;
SQL
