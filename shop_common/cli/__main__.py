"""`python -m shop_common.cli` is the `shop` command too."""

from shop_common.cli import main

main()
