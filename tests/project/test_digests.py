"""Digests of every learner on records that never change, as commit 1285be8 computed them, or the first to have them.

A digest is a promise to those who keep one: it is equal for equal records and parameters in every version. A change
that moves one of these moves the digests of all models of that kind, and needs a reason in the changelog.

Those of adaptive learners moved when few records came to be solved for when they are read, so that their digests tell
of the records alone; those of `*_9000`, whose records are walked in rounds, moved with the cells of these rounds. That
of a ColumnTransformer moved with its parameter `keep_records`, before any release had either.
"""

import pytest

from fixed import cases
from fixed_later import later_cases
from learners import LEARNERS

DIGESTS = {
    "gaussian_nb": "a47003cc261a86b34877cc5c0dfb4d52f864a38c60c558fb52aa529e08248682",
    "gaussian_nb_weights": "16519b85f16890d4d174c76ccc6de74f88ae9317ae601b9291cfe60a03620441",
    "gaussian_nb_key": "bb110cfd3dc7cc1ec24b7b8bf0caedb9326863f3d31fbe61c7afb9700acce857",
    "gaussian_nb_no_ledger": "acf045fb6a703f1a9a5f822f93f8eb7d56a11d52443d72d8e85396a161f090bb",
    "multinomial_nb": "acfdfd8b23d4d497a5de476827a666d201eaaf8a2503f36e3a1b0950501dc056",
    "complement_nb": "59a91c9ce7152d92926233ee49379fa956f4bac5e71cabcbca5921cee310517b",
    "bernoulli_nb": "3c67afd9cd2c12acf9afc1027187a5994e0b9d5ed1b8dc8ebb09d6b687011d4c",
    "categorical_nb": "48cf814cbdb9db5b568a7869d320b12c8f1f21085ef1d9e7a5ff976d0d3b9d74",
    "mixed_nb": "a965673d75e5c730baa71fedc8030d871cc36f4276292295b2d7e47b43a347e7",
    "standard_scaler": "2e9a913638c94a64c08c90353767723d5d1e636f3a4b405dc6b87399ad507686",
    "pca": "c4a808f0e0a0eea7457aa84f04d15145c3d746d6d188fd17b9fbe2d0bb8dffbc",
    "lda": "68f6194101008365a286b8f8a074e4edab816d42b7695c37b93084605b4ace2f",
    "qda": "0d6b5c742dc299fd67b7f5ec1ff6135cd5a2bbf2adfaaaa42792056367b28d0f",
    "nearest_centroid": "44e4dccc512fdf40e963a1317d625d570d8feb718cd84aed158e988d8c0c2526",
    "select_k_best": "71ac3e9eabae15a632d9a1c967de001dbf640b44d16107592f99b775aa9ae28a",
    "select_k_best_chi2": "351c8d7adacae3a6d70f3b01de9bf4cb8f96fccb2aeeb445c1de896155e27e2a",
    "linear_regression": "8ce74a8bbb9bde213849bcc66fcd01803b93bdf20730166dd3391592f5f5b75b",
    "ridge": "ffbe4439f22e861c1d63692bf8016e1dd6c29c7ea0504bf51d1e2d147ce5eb6c",
    "ridge_classifier": "438a6941978804166bae00a3c6242f86f7758db217b8a9a451a7ba09f1e2f052",
    "ridge_classifier_indicator": "af1a161d0df20727bb9caa27f996c657f0f6c6dc848ccad01f7bdfab2a61422b",
    "lasso": "faa1354e2c39d60331dfed18455d3d1ebc762f2d2af3bbd51204baa4a3e1061d",
    "elastic_net": "68ce1f885f358340b738987abb807f0c4073060a6607668b01f20af3e829211b",
    "bayesian_ridge": "b4d6ffd85bf6e0eb22700c87ff1164a8bcdeb352d8ecc52b5968dfe764e93a72",
    "table_ridge": "ee02b45b0cc323f9d122a79c9126b64076eb9e3f60c0f3fe112a7a18cc4bdce2",
    "table_ridge_classifier": "e52b7bf8469cc4316f582e6d6e958ad703aefc73e9ff243e4b093dfdc8f2f9e3",
    "table_mixed_nb": "c7180c9843ab9d4b3b7dbc0eb25eaabc156aa4bbb9e6177d9e836934dfbe30a9",
    "table_logistic_regression": "6fcc59d3525d6ca547bbf1055ada92e347d8757f8ebbba65837c0f8f763fd15a",
    "logistic_regression": "a337e53e2c3f29eaee94eadebd7fed09b34ee65b80f93578c530c41af83c3da8",
    "logistic_regression_classes": "efa89a373496579b4649d300a61b94b11a6cd08a772f34633d1b04a6331091ac",
    "poisson_regressor": "83dfe82b44f89120165853f151e8f51dd92b1b064f8b4bf1ba4794ec8359d962",
    "linear_svc": "a0a9914240b542b8e36836b5378cbdfd3de0a4f03b31a4742971d96e7a10df6b",
    "kmeans": "1f060a70ac1ec2daaeb4aa4543cb03e1240d801c29ed58bd0ce3f47e94e1707d",
    "gaussian_mixture": "6ccfd469097a5b5a3fe4b75c3d41ed35ca5ead33b3ca97240522ca1ef9774427",
    "logistic_regression_9000": "1dbaecde8a66998d4c79787ccf164469b4d4619d0b33a4c7cb9673d6d83be8d0",
}


# what came after 1285be8
LATER = {
    "lda_shrinkage": "b03fbc2438cad5ec198edc70c666c8196b2a72c34902804cde65ad01d67c1267",
    "kneighbors_classifier": "9ab797df84cd31eabb77cb43bb403985cf9e15cfb2527b8ceb345b5912c4342b",
    "kneighbors_regressor": "2e2fe7a2e733d7e77f337f0178daca9d8c24ffbc8b7449ce4df0b2f3e3257dfe",
    "select_percentile": "de7dd81d72da413c792bff261840b9fc75af2b7f697d3f7657f1a291ba2a25e6",
    "select_fpr": "786d36613c6133ffcb156d778ebd8185332e1337e26e8fd1090177fddd2522a2",
    "select_fdr": "27e5961664121c1b77a04ffa9a533e7878e8905da352296493334a08f529f7a5",
    "select_fwe": "8f9db5830add4e015e32b9e8a322e24d9513b07f08816c51be6421bf976e025a",
    "generic_univariate_select": "f5e6b15067cf955d4dbf234a19e30140e3daac34a217c1d9ce5f2886b1feafb4",
    "variance_threshold": "d2d12f56bf031d3b2d402c09bc8ed5c3fb8c7c848733e9d6d3a8ea5f9c889bfb",
    "gamma_regressor": "4cf339185e24d514ba0a68d27c5fb498780db17b7957c85a69dcdfb889214ae3",
    "tweedie_regressor": "d9fd4f476c00d15b324f73ef9360a6a3884960be1361de73282e1778d029c608",
    "poisson_regressor_9000": "5980b09457d9cbf776eaeb815aade884f6dca8a8d97554aff0c994bb96b315fc",
    "gamma_regressor_9000": "2fea9df9cab0e47c186a0d885e761bd9faca0f91bc8603384f1764c5b3a51d81",
    "tweedie_regressor_9000": "880e6d8187ef1e90c201aa995de400b1785ab1362b56fff5c0c9ea73374d0e9b",
    "logistic_regression_balanced": "279b53d85739e53cff43ced15ed22d14332d5020c4d2dac209281041507d2f97",
    "decision_tree_classifier": "6944090e9a96a715ec42ee0f90a5ce7e1a1bfcce86501913f30c3fcb242b4109",
    "decision_tree_regressor": "becfdba4739dd93b716f1106f0da2929c1052a4c23adf492d9ff9a70625d6208",
    "random_forest_classifier": "cdefaa8c732c1751b5ccb8f91b42482bd5f567c8b4e8ca4fc42aed25bfe6da6b",
    "random_forest_regressor": "cbc8cf54208c4362b887203dd7e0c7b8f683f3a9647bbb41c7b6d7c896a6579c",
    "extra_trees_classifier": "c8d00a2f4a4cd536c93975dfff9e7645efc47480be8938c3a2a6962c5294b988",
    "extra_trees_regressor": "423ef0edf46cbc3ad9f2101cb76ab8de5dae4fda7a74bfe0f65928ee8a0a7b5f",
    "isolation_forest": "b4a289526903f78b23e46b98703cf7a1a9f582193127a8edd16b9d3ecd83ef36",
    "isolation_forest_3000": "96a70f340a24f8e629862dd3316a29cf3dab87bb898601a325c0dbb71845b53c",
    "boosting_classifier": "cbc747abc40575582d5ceb1e410ad55729b0bac7ddb27b6137eedd4a74d260ac",
    "boosting_regressor": "c240fba6344bf2f820ed1fa8e66187a7d22e29fa441041f726edce3b2f6cb888",
    "empirical_covariance": "7d395f23ff9833b3c792f503c872d44635035ae23798b754319968a8a44e7fca",
    "shrunk_covariance": "52aad912ed7ebd966dad5fb6948c0fd4fabb3b5117ef19246bb32d92c4512915",
    "oas": "eda900493340216b6d1ea27d8cf3941e5ef332843eb850a10e1201580599a124",
    "one_class_svm": "470492276ea2e7a477034a3b7c76f9cb180403150aca0ad900740a46e519ddc8",
    "ridge_cv": "6474afa664c69cd089b3b6b884d29f09df3e26067dee6517292aeecfcc25269a",
    "ridge_classifier_cv": "28431901b957c4702ea29c543e4463fd6e555373e62a4ca89c728746f9817fc9",
    "lasso_cv": "42acf73ad1dd05cda99e945aae53fa89d50352cd1d0a7f8882a7b9e9baa6fd27",
    "elastic_net_cv": "7ba34524cc686d6b12eadc43f6d294a1003d23bd397f3a8fcef7ab81844af3ae",
    "kernel_mean": "58c644bb93fc16bc2d1860ac6e782a10ff48fea032a1faf7cf2e24b36dbdbcec",
    "ledoit_wolf": "e74ca0771f76ebeff6919d71e05a1cee602932f23a2caf6c73e17e7618f16fcf",
    "fixed_features": "f7135ca7fc355db387f8b3e6ea00c67ece6873e7905aa4acb527cc4cc210d6f4",
    "fixed_features_gram": "270a57d2a5ed88117032392958f618adc45cd77e8257f9f8d1fa770192bd21e3",
    "text_multinomial_nb": "efa39f76c43d414303788eb1ea239ef98dc9e78097ad202e7c83d6e482b556d0",
    "text_complement_nb": "f229bc27b6886a61e24921989d2ac2fe993011377018cac776063e776fcffb34",
    "text_bernoulli_nb": "2c89cc0a0ffc21d97f8457a3510996269f451f0161ffc05b9b36f2cd2c0f7e8f",
    "text_nearest_centroid": "fbdc4a7a29773138f756df889d47cc3db904d487bde01d37b54eb4358fd1fd03",
    "ledoit_wolf_tame": "7d193fafe68c551bfb2fd39b4b3d52eb291cbcaa05ce567e0ed1d4a5f8e52851",
    "item_knn": "e6f5868bc6f51d27e80760aeed418cb262850b4c7ac0da03b3abbe2d880bc7e8",
    "item_knn_implicit": "a4d74daf43c2324413c024400b1e1acdbecc5bd7945879337412142db346a03e",
    "ease": "3d52ed5bf7af065fdf773c056fd896c4d2603db99864c22c1f00a134d8f67935",
    "robust_scaler": "5bbd13a43affb9ae5edc6e6a88ae84dd52cbb33de62fad55755fc8dfe6ca5a44",
    "nearest_centroid_manhattan": "710a1d3b985bdd9f4c93b932976ea1d0da90e048889fdf5a5b26c984d9b8b33d",
    "one_hot_encoder": "8edd0596e8cd7510c9500237b4760b60c5a289a2af26d6538e6d9cc356c368ce",
    "pipeline": "6fdbfb3ed18fb73dd355de54a2c203a4a06b7004049a939ea68be35850034840",
    "column_transformer": "dd2c62e69ffb440104376caf116185554c39a3cec9144b2fc8a44762e4f2ea2b",
    "feature_union": "e3b0fa636bf00e1e5db1718b343602008ce70988fdb4004d2b26fe20106511ce",
    "random_forest_classifier_3000": "f92a1d97b668765e80f645163893474451a8e2710b3949cc69daffbec1d8a27f",
    "sharded_classifier": "34247a5e67dc573de233b79dc607ca7ddbcc9e4309bf0f9146bf724826ccf1f6",
    "sharded_regressor": "0adc1f05e36afd66318d543d7d1286efd424de2a99ea7c72d4eea5501993c384",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_digests(name):
    assert cases()[name].fitted().digest() == DIGESTS[name]


@pytest.mark.parametrize("name", LATER)
def test_later_digests(name):
    assert later_cases()[name].fitted().digest() == LATER[name]


def test_every_learner_has_a_digest():
    pinned = {type(case.learner) for case in (cases() | later_cases()).values()}
    assert {type(learner) for learner in LEARNERS} <= pinned
    assert set(cases()) == set(DIGESTS)
    assert set(later_cases()) == set(LATER)
