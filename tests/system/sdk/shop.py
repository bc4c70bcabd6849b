"""A shop whose order handling fails: python shop.py KEY HOST:PORT MARK (raygun4py)."""

import sys

from raygun4py import raygunprovider


class OrderRefused(Exception):
    pass


def charge(order, mark):
    raise OrderRefused(f"order {order} refused {mark}")


def main(key, address, mark):
    client = raygunprovider.RaygunSender(
        key, config={"transmitLocalVariables": True, "transmit_environment_variables": False}
    )
    client.endpointprotocol = "http://"
    client.endpointhost = address
    client.endpointpath = "/entries"
    client.set_version("4.2.0")
    client.set_user({"identifier": "ann", "email": "ann@shop.test"})
    try:
        charge(17, mark)
    except OrderRefused:
        status, _ = client.send_exception(
            exc_info=sys.exc_info(), tags=["py", "shop"], userCustomData={"order": 17}
        )
    print(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
