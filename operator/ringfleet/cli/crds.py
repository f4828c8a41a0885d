"""`ringfleet crds`: write the CustomResourceDefinitions, or check that they are up to date."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("crds"),
    show_default=True,
    help="The folder of the files.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not what the models say.")
def crds(output: Path, check: bool) -> None:
    """Write the CustomResourceDefinitions of all kinds, one file each."""
    from ringfleet.api.crds import check_crds, write_crds

    if not check:
        for path in write_crds(output):
            click.echo(f"wrote {path}")
        return
    if differences := check_crds(output):
        raise click.ClickException(
            "\n".join([*differences, f"run `ringfleet crds --output {output}` to write them again"])
        )
    click.echo(f"{output} is up to date")
