/**
  The source layer: fetches one distribution by its hash, and depends on nothing else.

  Only known arguments reach a fetcher. A catalogue or a lock file is data: a `postFetch` next to `url` and `hash` would
  be a command that runs with network access.
*/
{ fetchPypi, fetchurl }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    filter
    intersectAttrs
    ;

  arguments = {
    fetchPypi = {
      pname = null;
      version = null;
      format = null;
      python = null;
      abi = null;
      platform = null;
      dist = null;
      extension = null;
      hash = null;
    };
    fetchurl = {
      url = null;
      name = null;
      hash = null;
    };
  };

  known =
    fetcher: given:
    let
      unknown = filter (name: !(arguments.${fetcher} ? ${name})) (attrNames given);
    in
    if unknown == [ ] then
      intersectAttrs arguments.${fetcher} given
    else
      throw "axle: ${concatStringsSep ", " unknown} is not an argument of ${fetcher} that a catalogue may give: generate the catalogue, or the lock file, again";
in
/**
  The derivation that fetches a wheel or an sdist.

  # Inputs

  `fetch`
  : The arguments of the fetcher, under its name: `{ fetchPypi = { … }; }` or `{ fetchurl = { … }; }`.
*/
fetch:
if fetch ? fetchPypi then
  fetchPypi (known "fetchPypi" fetch.fetchPypi)
else if fetch ? fetchurl then
  fetchurl (known "fetchurl" fetch.fetchurl)
else
  throw "axle: the catalogue names a fetcher that this overlay does not know (${concatStringsSep ", " (attrNames fetch)}): use the overlay and the catalogue of one release"
