using CsiLocal.Admin.V1;
using CsiLocal.Volumes;
using Grpc.Core;

namespace CsiLocal.Rpc;

/// <summary>Adoption: what others made becomes a volume.</summary>
internal sealed partial class AdminService
{
    public override async Task<AdoptVolumeResponse> AdoptVolume(AdoptVolumeRequest request, ServerCallContext context) =>
        Describe(await adoptions.AdoptAsync(AdoptionRequests.Parse(request), context.CancellationToken));

    public override async Task<AdoptVolumeResponse> PlanAdoption(AdoptVolumeRequest request, ServerCallContext context) =>
        Describe(await adoptions.PlanAsync(AdoptionRequests.Parse(request), context.CancellationToken));

    public override async Task<ListAdoptableResponse> ListAdoptable(ListAdoptableRequest request, ServerCallContext context)
    {
        var pool = FieldRules.Required("pool", request.Pool);
        var found = await adoptions.ListAsync(pool, request.Folder.Length == 0 ? null : request.Folder, context.CancellationToken);
        return new ListAdoptableResponse { Candidates = { found.Select(Describe) } };
    }

    private AdoptVolumeResponse Describe(AdoptionOutcome outcome) => new()
    {
        Volume = Describe(outcome.Volume),
        CsiVolume = messages.Volume(outcome.Volume),
        DriverName = node.DriverName,
        Layout = ForeignLayouts.WordOf(outcome.Layout),
        Source = outcome.Source,
        AdoptedBefore = outcome.WasThere,
        Notes = { outcome.Notes },
    };

    private static Adoptable Describe(AdoptionCandidate candidate) => new()
    {
        Source = candidate.Source.Text,
        Layout = ForeignLayouts.WordOf(ForeignLayouts.Recognise(candidate)),
        SizeBytes = candidate.SizeBytes,
        Filesystem = candidate is { Problem: null, DevicePath: { } device } && AdoptionPlanner.Glance(device) is { } filesystem ? Word(filesystem) : "",
        Name = ForeignLayouts.DefaultName(candidate.Source.Name),
        Problem = candidate.Problem ?? "",
    };
}
