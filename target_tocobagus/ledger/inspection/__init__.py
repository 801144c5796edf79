"""What a person asks of a ledger; read without its lock, and without a change to it.

Its files:

    contents        for `tocobagus ledger status`: what it holds, store by store
    integrity       for `tocobagus ledger check`: what a sound ledger never has
    item_history    for `explain`: an item's levels, changes, parts and refusals
    past            for `history`, `batch` and `rejects`
    overview        for `report`: a store at a glance
    trial           for `check`: whether a run could open it
    selection       the levels that a command names; similar ones if there are none
    left_open       counts: levels in doubt, open rejections, flights
"""
