"""The generated SDK's regions."""

from enum import Enum

from grantory_sdk.addresses import region_address


class PureCloudRegionHosts(Enum):
    """The addresses of the API in the regions of the vendor's cloud."""

    us_east_1 = region_address("us-east-1")
    us_east_2 = region_address("us-east-2")
    us_west_2 = region_address("us-west-2")
    ca_central_1 = region_address("ca-central-1")
    sa_east_1 = region_address("sa-east-1")
    mx_central_1 = region_address("mx-central-1")
    eu_west_1 = region_address("eu-west-1")
    eu_west_2 = region_address("eu-west-2")
    eu_central_1 = region_address("eu-central-1")
    eu_central_2 = region_address("eu-central-2")
    eusc_de_east_1 = region_address("eusc-de-east-1")
    me_central_1 = region_address("me-central-1")
    ap_south_1 = region_address("ap-south-1")
    ap_northeast_1 = region_address("ap-northeast-1")
    ap_northeast_2 = region_address("ap-northeast-2")
    ap_northeast_3 = region_address("ap-northeast-3")
    ap_southeast_1 = region_address("ap-southeast-1")
    ap_southeast_2 = region_address("ap-southeast-2")

    def get_api_host(self) -> str:
        """The address of the API."""
        return self.value
