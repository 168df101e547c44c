/**
  The source layer: fetches one artefact by its hash, and depends on nothing else.
*/
{ fetchPypi, fetchurl }:
/**
  The derivation that fetches a wheel.

  # Inputs

  `fetch`
  : Ready arguments, under the name of the fetcher: `{ fetchPypi = { … }; }` or `{ fetchurl = { … }; }`.
*/
fetch:
if fetch ? fetchPypi then
  fetchPypi fetch.fetchPypi
else if fetch ? fetchurl then
  fetchurl fetch.fetchurl
else
  throw "axle: the catalogue names a fetcher that this overlay does not know (${builtins.concatStringsSep ", " (builtins.attrNames fetch)}): use the overlay and the catalogue of one release"
