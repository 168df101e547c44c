/**
  The source layer: fetches one artefact by its hash, and depends on nothing else.

  Only the known arguments reach a fetcher. A catalogue or a lock is data: `postFetch` beside `url` and `hash` would be a
  command that runs with the network.
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
  The derivation that fetches a wheel.

  # Inputs

  `fetch`
  : Ready arguments, under the name of the fetcher: `{ fetchPypi = { … }; }` or `{ fetchurl = { … }; }`.
*/
fetch:
if fetch ? fetchPypi then
  fetchPypi (known "fetchPypi" fetch.fetchPypi)
else if fetch ? fetchurl then
  fetchurl (known "fetchurl" fetch.fetchurl)
else
  throw "axle: the catalogue names a fetcher that this overlay does not know (${concatStringsSep ", " (attrNames fetch)}): use the overlay and the catalogue of one release"
