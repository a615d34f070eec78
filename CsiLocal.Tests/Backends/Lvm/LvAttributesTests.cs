using CsiLocal.Backends.Lvm;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Every letter of the tables in lvs(8), NOTES.</summary>
public sealed class LvAttributesTests
{
    [Theory]
    [InlineData('-', LvType.Normal)]
    [InlineData('C', LvType.Cache)]
    [InlineData('m', LvType.Mirrored)]
    [InlineData('M', LvType.MirroredUnsynced)]
    [InlineData('o', LvType.Origin)]
    [InlineData('O', LvType.OriginMerging)]
    [InlineData('r', LvType.Raid)]
    [InlineData('R', LvType.RaidUnsynced)]
    [InlineData('s', LvType.Snapshot)]
    [InlineData('S', LvType.SnapshotMerging)]
    [InlineData('p', LvType.PvMove)]
    [InlineData('v', LvType.Virtual)]
    [InlineData('i', LvType.Image)]
    [InlineData('I', LvType.ImageUnsynced)]
    [InlineData('l', LvType.MirrorLog)]
    [InlineData('c', LvType.UnderConversion)]
    [InlineData('V', LvType.Thin)]
    [InlineData('t', LvType.ThinPool)]
    [InlineData('T', LvType.ThinPoolData)]
    [InlineData('d', LvType.VdoPool)]
    [InlineData('D', LvType.VdoPoolData)]
    [InlineData('e', LvType.MetadataOrSpare)]
    [InlineData('g', LvType.Integrity)]
    [InlineData('z', LvType.Unknown)]
    public void The_first_letter_is_the_type(char letter, object type)
    {
        Assert.Equal(type, LvAttributes.Parse($"{letter}wi-a-----").Type);
    }

    [Theory]
    [InlineData('-', LvState.Inactive, false)]
    [InlineData('a', LvState.Active, true)]
    [InlineData('s', LvState.Suspended, true)]
    [InlineData('I', LvState.InvalidSnapshot, true)]
    [InlineData('S', LvState.InvalidSuspendedSnapshot, true)]
    [InlineData('m', LvState.SnapshotMergeFailed, true)]
    [InlineData('M', LvState.SuspendedSnapshotMergeFailed, true)]
    [InlineData('d', LvState.PresentWithoutTables, false)]
    [InlineData('i', LvState.PresentWithInactiveTable, false)]
    [InlineData('h', LvState.Historical, false)]
    [InlineData('c', LvState.CheckNeeded, true)]
    [InlineData('C', LvState.SuspendedCheckNeeded, true)]
    [InlineData('X', LvState.Unknown, true)]
    [InlineData('z', LvState.Unknown, true)]
    public void The_fifth_letter_is_the_state(char letter, object state, bool isActive)
    {
        var attributes = LvAttributes.Parse($"-wi-{letter}-----");

        Assert.Equal(state, attributes.State);
        Assert.Equal(isActive, attributes.IsActive);
    }

    [Theory]
    [InlineData('-', LvHealth.Ok)]
    [InlineData('p', LvHealth.Partial)]
    [InlineData('r', LvHealth.RefreshNeeded)]
    [InlineData('m', LvHealth.Mismatches)]
    [InlineData('w', LvHealth.WriteMostly)]
    [InlineData('s', LvHealth.Reshaping)]
    [InlineData('R', LvHealth.RemoveAfterReshape)]
    [InlineData('F', LvHealth.Failed)]
    [InlineData('D', LvHealth.OutOfData)]
    [InlineData('M', LvHealth.MetadataReadOnly)]
    [InlineData('E', LvHealth.WriteCacheError)]
    [InlineData('X', LvHealth.Unknown)]
    [InlineData('z', LvHealth.Unknown)]
    public void The_ninth_letter_is_the_health(char letter, object health)
    {
        Assert.Equal(health, LvAttributes.Parse($"-wi-a---{letter}-").Health);
    }

    [Theory]
    [InlineData("-wi-a-----", true, false, false)]
    [InlineData("-ri-a-----", false, false, false)]
    [InlineData("-Ri-a-----", false, false, false)]
    [InlineData("-wi-ao----", true, true, false)]
    [InlineData("-wi-XX--X-", true, true, false)]
    [InlineData("Vwi---tz-k", true, false, true)]
    [InlineData("Vwi---tz-k-", true, false, true)]
    public void The_others_say_whether_it_is_writable_open_and_skipped(string text, bool isWritable, bool isOpen, bool skipsActivation)
    {
        var attributes = LvAttributes.Parse(text);

        Assert.Equal((isWritable, isOpen, skipsActivation), (attributes.IsWritable, attributes.IsOpen, attributes.SkipsActivation));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-wi-a----")]
    [InlineData("-wi-a ----")]
    [InlineData("-wi-a---1-")]
    [InlineData("[unknown]!")]
    public void Anything_else_is_no_lv_attr(string text)
    {
        Assert.Throws<FormatException>(() => LvAttributes.Parse(text));
    }
}
