using CsiLocal.Backends.Lvm;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class DmNamesTests
{
    // As dmsetup info and lvs show them of one volume.
    private const string GroupUuid = "Wm3LQm-vb2O-6Mvr-mPLd-bU1x-rSqN-0m9zTK";
    private const string VolumeUuid = "a0JtzG-Ht4U-Y8eX-oJ2t-g7rC-s1kb-3QpWnE";
    private const string DeviceUuid = "LVM-Wm3LQmvb2O6MvrmPLdbU1xrSqN0m9zTKa0JtzGHt4UY8eXoJ2tg7rCs1kb3QpWnE";

    [Fact]
    public void Dashes_of_names_are_doubled() => Assert.Equal("vg--fast-a--b", DmNames.Of("vg-fast", "a-b"));

    [Fact]
    public void A_volume_is_told_by_its_device() => Assert.Equal(VolumeUuid, DmNames.VolumeUuid(DeviceUuid, GroupUuid));

    [Fact]
    public void A_device_is_told_by_its_volume() => Assert.Equal(DeviceUuid, DmNames.UuidOf(GroupUuid, VolumeUuid));

    [Theory]
    [InlineData(DeviceUuid + "-real")]
    [InlineData("LVM-Wm3LQmvb2O6MvrmPLdbU1xrSqN0m9zTX" + "a0JtzGHt4UY8eXoJ2tg7rCs1kb3QpWnE")]
    [InlineData("CRYPT-LUKS2-a0JtzGHt4UY8eXoJ2tg7rCs1kb3QpWnE")]
    [InlineData("")]
    public void Hidden_layers_and_devices_of_others_are_no_volumes(string uuid) => Assert.Null(DmNames.VolumeUuid(uuid, GroupUuid));
}
