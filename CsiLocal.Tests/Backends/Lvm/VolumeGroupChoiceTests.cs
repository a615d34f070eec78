using CsiLocal.Backends.Lvm;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class VolumeGroupChoiceTests
{
    /// <summary>NAME=UUID for each group there is; what is chosen, or words of the refusal.</summary>
    [Theory]
    [InlineData("", null, null)]
    [InlineData("other=u1", null, null)]
    [InlineData("data=u1", null, "u1")]
    [InlineData("other=u2 data=u1", null, "u1")]
    [InlineData("data=u1 data=u2", "u2", "u2")]
    [InlineData("data=u1 data=u2", "u1", "u1")]
    [InlineData("data=u1", "u1", "u1")]
    public void The_known_one_is_chosen_or_the_only_one_of_that_name(string there, string? known, string? chosen) =>
        Assert.Equal(chosen, VolumeGroupChoice.Choose(Groups(there), "data", known)?.Uuid);

    [Theory]
    [InlineData("data=u1 data=u2", null, "2 volume groups have that name", "u1 on /dev/u1; u2 on /dev/u2", "vgrename u2 NEWNAME")]
    [InlineData("", "u1", "none of this machine's devices carries it (UUID u1)", "bring back its disks")]
    [InlineData("data=u2", "u1", "the one that is known has the UUID u1, which no device carries", "another of that name, u2 on /dev/u2")]
    [InlineData("data2=u1", "u1", "its UUID u1 is now named 'data2'", "vgrename u1 data")]
    [InlineData("data2=u1 data=u2", "u1", "its UUID u1 is now named 'data2'", "vgrename u1 data")]
    public void What_cannot_be_told_apart_is_refused_with_the_way_out(string there, string? known, params string[] words)
    {
        var refusal = Assert.Throws<StorageException>(() => VolumeGroupChoice.Choose(Groups(there), "data", known));

        Assert.Equal(StorageError.Unavailable, refusal.Error);
        Assert.All(words, word => Assert.Contains(word, refusal.Describe(), StringComparison.Ordinal));
    }

    [Fact]
    public void The_choice_names_the_devices_for_the_commands()
    {
        Assert.Equal(["/dev/u1"], VolumeGroupChoice.Choose(Groups("data=u1 data=u2"), "data", "u1")!.Devices);
    }

    private static List<FoundVolumeGroup> Groups(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static group => group.Split('=')).Select(static parts => new FoundVolumeGroup(parts[0], parts[1], [$"/dev/{parts[1]}"], 0))];
}
