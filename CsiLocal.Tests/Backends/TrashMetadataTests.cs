using CsiLocal.Backends;
using CsiLocal.Backends.Lvm;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends;

public sealed class TrashMetadataTests
{
    public static TheoryData<string, bool, int> Items => new() { { "Discard", false, 0 }, { "Zero", true, 0 }, { "Random", false, 40 }, { "None", true, 3 } };

    [Theory]
    [MemberData(nameof(Items))]
    public void A_metadata_file_keeps_all_of_it(string erase, bool erasing, int parameters)
    {
        var text = MetadataJson.Write(Item(erase, erasing, parameters));

        var read = MetadataJson.ReadTrash(text);

        Assert.Equal(text, MetadataJson.Write(read));
        Assert.Equal(erasing, read.Erasing);
    }

    [Theory]
    [MemberData(nameof(Items))]
    public void Tags_keep_all_of_it_under_either_name(string erase, bool erasing, int parameters)
    {
        var item = Item(erase, erasing, parameters);
        var tags = LvTags.Of(item);

        foreach (var name in new[] { item.Id.Value, item.Volume.Id.Value })
        {
            var volume = Volume(name, tags);
            Assert.True(LvTags.IsTrash(volume));
            Assert.Equal(tags, LvTags.Of(LvTags.ReadTrash(volume)!));
            Assert.Null(LvTags.ReadVolume(volume));
            Assert.Null(LvTags.ReadSnapshot(volume));
        }

        Assert.All(tags, static tag => Assert.InRange(tag.Length, 1, LvTagText.MaxLength));
    }

    [Fact]
    public void Tags_of_two_kinds_or_of_another_creation_are_not_read()
    {
        var item = Item("Discard", erasing: false, 0);
        var other = LvTags.Of(item with { Volume = item.Volume with { CreatedAt = Records.Noon.AddDays(1) } });

        Assert.Throws<FormatException>(() => LvTags.ReadTrash(Volume(item.Id.Value, [.. LvTags.Of(item), .. LvTags.Of(item.Volume)])));
        Assert.Throws<FormatException>(() => LvTags.ReadTrash(Volume(item.Id.Value, other)));
    }

    [Fact]
    public void An_id_means_one_creation()
    {
        var volume = Records.Volume("data");

        Assert.Equal(TrashId.Of(volume), TrashId.Of(volume with { SizeBytes = 1, State = VolumeState.Deleting }));
        Assert.NotEqual(TrashId.Of(volume), TrashId.Of(volume with { CreatedAt = volume.CreatedAt.AddTicks(1) }));
        Assert.NotEqual(TrashId.Of(volume), TrashId.Of(volume with { Id = VolumeId.Mint("other") }));
        Assert.True(TrashId.TryParse(TrashId.Of(volume).Value, out _));
        Assert.False(TrashId.TryParse(volume.Id.Value, out _));
    }

    private static TrashRecord Item(string erase, bool erasing, int parameters)
    {
        var volume = Records.Volume("pvc-ä 1", backend: BackendKind.Lvm) with
        {
            Filesystem = FilesystemType.Xfs,
            FilesystemUuid = Guid.Parse("3c0ffee0-0000-4000-8000-000000000002"),
            Format = FormatState.Formatted,
            FormattedAt = Records.Noon.AddTicks(1),
            MkfsOptions = ["-m", "crc=1"],
            Parameters = Enumerable.Range(0, parameters).ToDictionary(static i => $"key-{i}", static i => new string('x', 30) + i),
            Source = parameters > 3 ? new ContentSource.FromVolume(VolumeId.Mint("source")) : null,
            State = VolumeState.Ready,
            CreatedAt = Records.Noon.AddTicks(1234567),
        };
        return new TrashRecord
        {
            Id = TrashId.Of(volume),
            Volume = volume,
            DeletedAt = Records.Noon.AddDays(1).AddTicks(7),
            Deadline = Records.Noon.AddDays(2),
            Erase = Enum.Parse<EraseMode>(erase),
            Erasing = erasing,
        };
    }

    private static LogicalVolume Volume(string name, IReadOnlyList<string> tags) => new()
    {
        Name = name,
        Uuid = "",
        SizeBytes = 64 * Records.MiB,
        Attributes = InventoryChange.AttributesOf(LvType.Normal),
        SegmentType = "linear",
        Tags = tags,
    };
}
