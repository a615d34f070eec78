using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class AdoptionTableTests : IDisposable
{
    private readonly StateFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_adoption_under_way_comes_back_as_it_was_written()
    {
        var adoption = Adoption("a", "vg/a");
        using (var store = _folder.Open())
            store.InsertAdoption(adoption);

        using var again = _folder.Open();
        var found = again.FindAdoption(adoption.Volume.Id)!;
        Assert.Equal((adoption.Source, adoption.Identity), (found.Source, found.Identity));
        Assert.Equal(adoption.Volume with { Parameters = found.Volume.Parameters, MkfsOptions = found.Volume.MkfsOptions }, found.Volume);
        Assert.Equal(adoption.Volume.Parameters, found.Volume.Parameters);
        Assert.Equal(adoption.Volume.Id, again.FindAdoptionOf("vg/a")!.Volume.Id);
        Assert.Equal(adoption.Volume.Id, Assert.Single(again.AdoptionsOfPool(adoption.Volume.Pool)).Volume.Id);
        Assert.Empty(again.AdoptionsOfPool("other"));
        Assert.Null(again.FindVolume(adoption.Volume.Id));

        again.RemoveAdoption(adoption.Volume.Id);
        again.RemoveAdoption(adoption.Volume.Id);
        Assert.Null(again.FindAdoption(adoption.Volume.Id));
    }

    [Fact]
    public void Neither_a_name_nor_a_source_is_adopted_twice()
    {
        using var store = _folder.Open();
        store.InsertAdoption(Adoption("a", "vg/a"));

        Assert.Equal(StorageError.AlreadyExists, Assert.Throws<StorageException>(() => store.InsertAdoption(Adoption("b", "vg/a"))).Error);
        Assert.Equal(StorageError.AlreadyExists, Assert.Throws<StorageException>(() => store.InsertAdoption(Adoption("a", "vg/b"))).Error);
    }

    private static AdoptionRecord Adoption(string name, string source) => new()
    {
        Volume = Samples.Volume(name) with
        {
            State = VolumeState.Ready,
            Format = FormatState.Formatted,
            Source = null,
            PendingSizeBytes = null,
            Parameters = new Dictionary<string, string> { [AdoptionRecord.SourceParameter] = source },
        },
        Source = source,
        Identity = "12-34",
    };
}
