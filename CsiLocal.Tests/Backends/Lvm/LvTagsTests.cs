using CsiLocal.Backends.Lvm;
using CsiLocal.Volumes;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class LvTagsTests
{
    private const string Allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-/=!:&#";
    private const string K8s = "csi.storage.k8s.io";

    private static readonly VolumeRecord Plain = Records.Volume("pvc-0a1b2c3d", backend: BackendKind.Lvm) with
    {
        Pool = "fast",
        Filesystem = FilesystemType.Ext4,
        FilesystemUuid = Guid.Parse("3c0ffee0-0000-4000-8000-000000000001"),
        State = VolumeState.Ready,
    };

    private static readonly VolumeRecord Full = Plain with
    {
        Backend = BackendKind.LvmThin,
        PendingSizeBytes = long.MaxValue,
        Access = AccessType.Block,
        Filesystem = FilesystemType.Xfs,
        Format = FormatState.Inherited,
        FormattedAt = Records.Noon.AddTicks(1),
        MkfsOptions = ["-b", "4096", "", "-L=a&b#c"],
        Parameters = new Dictionary<string, string> { ["pool"] = "fast", ["a=b"] = "c=d", [""] = "", [$"{K8s}/pvc/name"] = "data-0" },
        Source = new ContentSource.FromSnapshot(SnapshotId.Mint("s")),
        Preallocated = true,
        ProjectId = uint.MaxValue,
        SharedBytes = long.MaxValue,
        State = VolumeState.Deleting,
        CreatedAt = Records.Noon.AddTicks(1_234_567),
    };

    private static readonly SnapshotRecord FullSnapshot = Records.Snapshot("snapshot-1", Full) with
    {
        ProjectId = 7,
        SharedBytes = 3,
        State = SnapshotState.Creating,
    };

    // A CSI string is valid UTF-8 text.
    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.Elements("", "pvc-1", "/", "//", "///x", $"{K8s}/", $"{K8s}/x", $"{K8s}//x", "ä€😀", "a\nb\t\"'\\,", "#", "#4", "#41", "&", "=", "p:", "a\0b", new string('x', 5000)),
        ArbMap.Default.GeneratorFor<NonNull<string>>().Select(static text => Valid(text.Item)));

    private static readonly Gen<VolumeRecord> Volumes =
        from name in Texts
        from pool in Texts
        from options in Texts.ListOf()
        from keys in Texts.ListOf()
        from values in Texts.ListOf(keys.Count)
        from format in Gen.Elements(Enum.GetValues<FormatState>())
        from state in Gen.Elements(Enum.GetValues<VolumeState>())
        from ticks in Gen.Choose(0, int.MaxValue)
        select Full with
        {
            Id = VolumeId.Mint(name),
            Name = name,
            Pool = pool,
            MkfsOptions = [.. options],
            Parameters = keys.Zip(values).DistinctBy(static pair => pair.First).ToDictionary(static pair => pair.First, static pair => pair.Second),
            Format = format,
            State = state,
            CreatedAt = Records.Noon.AddTicks(ticks),
        };

    public static TheoryData<string> Names => [
        "pvc-1", "", "a b", "ä€😀", "a\nb", "a\0b", "#", "#41", "&name=x", "=", "csilocal.volume=1&name=x", ",", "\"'\\", "-", "@", new string('ü', 128)];

    [Fact]
    public void Everything_of_a_volume_comes_back()
    {
        AssertSame(Full, ReadVolume(LvTags.Of(Full), Full));
        AssertSame(Plain, ReadVolume(LvTags.Of(Plain), Plain));
    }

    [Fact]
    public void Everything_of_a_snapshot_comes_back()
    {
        var thick = FullSnapshot with { Backend = BackendKind.Lvm, SizeBytes = 1 << 30 };

        Assert.Equal(FullSnapshot, LvTags.ReadSnapshot(Volume(FullSnapshot.Id.Value, FullSnapshot.SizeBytes, "thin", LvTags.Of(FullSnapshot))));
        Assert.Equal(thick, LvTags.ReadSnapshot(Volume(thick.Id.Value, 8 << 20, "snapshot", LvTags.Of(thick))));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_name_comes_back(string name)
    {
        var volume = Plain with { Id = VolumeId.Mint(name), Name = name };
        var snapshot = FullSnapshot with { Id = SnapshotId.Mint(name), Name = name };

        AssertSame(volume, ReadVolume(LvTags.Of(volume), volume));
        Assert.Equal(snapshot, LvTags.ReadSnapshot(Volume(snapshot.Id.Value, snapshot.SizeBytes, "thin", LvTags.Of(snapshot))));
    }

    [Fact]
    public void Every_record_comes_back_from_tags_that_lvm_accepts()
    {
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Volumes.ToArbitrary(), static volume =>
        {
            var tags = LvTags.Of(volume);

            Assert.All(tags, AssertAccepted);
            AssertSame(volume, ReadVolume(tags, volume));
        }));
    }

    [Fact]
    public void Parameters_of_4_KiB_take_several_tags_in_any_order()
    {
        var volume = Plain with { Parameters = new Dictionary<string, string> { ["a"] = new('x', 4096), ["b"] = new('ü', 4096) } };

        var tags = LvTags.Of(volume);

        Assert.InRange(tags.Count, (4096 + (4096 * 2 * 3)) / LvTagText.MaxLength, 40);
        Assert.All(tags, AssertAccepted);
        AssertSame(volume, ReadVolume([.. tags.Reverse()], volume));
        AssertSame(volume, ReadVolume([.. tags.Order(StringComparer.Ordinal)], volume));
    }

    [Fact]
    public void What_a_claim_of_Kubernetes_makes_takes_300_bytes_at_most()
    {
        const string Name = "pvc-3f2b0c1e-9d4a-4c55-8b1f-2a6d7e8f9012";
        var volume = Plain with
        {
            Id = VolumeId.Mint(Name),
            Name = Name,
            Parameters = new Dictionary<string, string>
            {
                ["pool"] = "fast",
                [$"{K8s}/pv/name"] = Name,
                [$"{K8s}/pvc/name"] = "data-postgresql-0",
                [$"{K8s}/pvc/namespace"] = "production",
            },
            Format = FormatState.Formatted,
            FormattedAt = Records.Noon.AddTicks(7_654_321),
            CreatedAt = Records.Noon.AddTicks(1_234_567),
        };

        var tag = Assert.Single(LvTags.Of(volume));

        // In the metadata each has quotation marks, and a comma between it and the next.
        Assert.InRange(tag.Length + 2, 1, 300);
        Assert.Equal(
            "csilocal.volume=1&name=pvc-3f2b0c1e-9d4a-4c55-8b1f-2a6d7e8f9012&pool=fast&created=20260301T120000.1234567Z&fs=ext4"
            + "&uuid=3c0ffee0000040008000000000000001&format=formatted&formatted=20260301T120000.7654321Z"
            + "&p:/pv/name&p:/pvc/name=data-postgresql-0&p:/pvc/namespace=production&p:pool=fast",
            tag);
    }

    [Fact]
    public void The_size_is_that_of_the_logical_volume()
    {
        var found = LvTags.ReadVolume(Volume(Plain.Id.Value, 5 << 20, "linear", LvTags.Of(Plain)))!;

        Assert.Equal((5L << 20, VolumeState.Ready), (found.SizeBytes, found.State));
    }

    [Fact]
    public void A_clone_smaller_than_its_tag_says_is_unfinished()
    {
        var clone = Full with { SizeBytes = 8 << 20, State = VolumeState.Ready };

        var found = LvTags.ReadVolume(Volume(clone.Id.Value, 4 << 20, "thin", LvTags.Of(clone)))!;
        var grown = LvTags.ReadVolume(Volume(clone.Id.Value, 16 << 20, "thin", LvTags.Of(clone)))!;

        Assert.Equal((8L << 20, VolumeState.Creating), (found.SizeBytes, found.State));
        Assert.Equal((16L << 20, VolumeState.Ready), (grown.SizeBytes, grown.State));
    }

    [Fact]
    public void Other_peoples_tags_are_ignored()
    {
        IReadOnlyList<string> foreign = ["linstor", "csilocal", "name=x", "Csilocal.volume=1"];

        Assert.False(LvTags.AreOurs(foreign));
        Assert.Null(LvTags.ReadVolume(Volume("lv", 4, "linear", foreign)));
        Assert.Null(LvTags.ReadSnapshot(Volume("lv", 4, "linear", foreign)));
        AssertSame(Plain, ReadVolume([.. foreign, .. LvTags.Of(Plain), "z"], Plain));
    }

    [Fact]
    public void A_volume_is_no_snapshot_and_a_snapshot_no_volume()
    {
        Assert.Null(LvTags.ReadSnapshot(Volume(Full.Id.Value, 4, "thin", LvTags.Of(Full))));
        Assert.Null(LvTags.ReadVolume(Volume(FullSnapshot.Id.Value, 4, "thin", LvTags.Of(FullSnapshot))));
    }

    [Fact]
    public void Unknown_fields_are_ignored()
    {
        AssertSame(Plain, ReadVolume([LvTags.Of(Plain)[0] + "&later=1&flag"], Plain));
    }

    public static TheoryData<string, string[]> Unreadable => new()
    {
        { "has schema 2", ["csilocal.volume=2&name=a"] },
        { "has schema ,", ["csilocal.volume="] },
        { "has no number of tags", ["csilocal.volume=1.x&name=a"] },
        { "'csilocal.3=…' is missing, 3 belong together", ["csilocal.volume=1.3&name=a", "csilocal.2=b"] },
        { "begin with 'csilocal.volume='", ["csilocal.volume=1&name=a", "csilocal.volume=1&name=b"] },
        { "begin with 'csilocal.2='", ["csilocal.volume=1.2&name=a", "csilocal.2=b", "csilocal.2=c"] },
        { "of a volume and of a snapshot", ["csilocal.volume=1&name=a", "csilocal.snapshot=1&name=a"] },
        { "the tag with the beginning of its record is missing", ["csilocal.2=b"] },
        { "field 'name' is missing", ["csilocal.volume=1&pool=p"] },
        { "field 'name' is there twice", ["csilocal.volume=1&name=a&name=a"] },
        { "field 'name' is empty", ["csilocal.volume=1&name"] },
        { "without two hexadecimal digits", ["csilocal.volume=1&name=a#4"] },
        { "without two hexadecimal digits", ["csilocal.volume=1&name=a#zz"] },
        { "field 'pool' is missing", ["csilocal.volume=1&name=a"] },
        { "field 'created' is missing", ["csilocal.volume=1&name=a&pool=p"] },
        { "field 'created' is 'now', not a time", ["csilocal.volume=1&name=a&pool=p&created=now"] },
        { "field 'access' is 'x'", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&access=x"] },
        { "field 'fs' is 'x'", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&fs=x"] },
        { "field 'uuid' is 'x', not a UUID", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&uuid=x"] },
        { "field 'format' is 'x'", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&format=x"] },
        { "field 'from' is 'x'", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&from=x"] },
        { "field 'state' is 'x'", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&state=x"] },
        { "field 'shared' is '-1', not a whole number", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&shared=-1"] },
        { "field 'project' is out of range", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&project=4294967296"] },
        { "field 'mkfs' has no value", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&mkfs"] },
        { "field 'p:x' is there twice", ["csilocal.volume=1&name=a&pool=p&created=20260301T120000Z&p:x=1&p:x=2"] },
    };

    [Theory]
    [MemberData(nameof(Unreadable))]
    public void What_is_ours_and_damaged_is_not_taken_for_anything_else(string why, string[] tags)
    {
        var e = Assert.Throws<FormatException>(() => LvTags.ReadVolume(Volume(VolumeId.Mint("a").Value, 4, "linear", tags)));

        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.True(LvTags.AreOurs(tags));
    }

    [Fact]
    public void A_copy_under_another_name_is_not_the_volume()
    {
        Assert.Throws<FormatException>(() => LvTags.ReadVolume(Volume("copy", 4, "linear", LvTags.Of(Plain))));
        Assert.Throws<FormatException>(() => LvTags.ReadSnapshot(Volume("copy", 4, "thin", LvTags.Of(FullSnapshot))));
    }

    private static void AssertAccepted(string tag)
    {
        Assert.InRange(tag.Length, 1, 1024);
        Assert.NotEqual('-', tag[0]);
        Assert.All(tag, static character => Assert.Contains(character, Allowed));
    }

    private static VolumeRecord ReadVolume(IReadOnlyList<string> tags, VolumeRecord volume) =>
        LvTags.ReadVolume(Volume(volume.Id.Value, volume.SizeBytes, volume.Backend == BackendKind.LvmThin ? "thin" : "linear", tags))!;

    private static LogicalVolume Volume(string name, long sizeBytes, string segmentType, IReadOnlyList<string> tags) => new()
    {
        Name = name,
        Uuid = "u",
        SizeBytes = sizeBytes,
        Attributes = LvAttributes.Parse("-wi-a-----"),
        SegmentType = segmentType,
        Tags = tags,
    };

    private static void AssertSame(VolumeRecord expected, VolumeRecord found)
    {
        Assert.Equal(expected.MkfsOptions, found.MkfsOptions);
        Assert.Equal(expected.Parameters, found.Parameters);
        Assert.Equal(expected, found with { MkfsOptions = expected.MkfsOptions, Parameters = expected.Parameters });
    }

    // Without halves of surrogate pairs.
    private static string Valid(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
